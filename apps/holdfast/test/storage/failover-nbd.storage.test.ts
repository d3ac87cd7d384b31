import { nbdRecipe } from "@holdfast/testkit";
import { AGENT_CUT, ALL_KILLED } from "./failover.js";
import { ALL_FAULTS, failoverSuite } from "./suite.js";

failoverSuite({ strategy: "nbd", recipe: nbdRecipe("nbdkit", "ext4"), format: true, faults: ALL_FAULTS });
failoverSuite({ strategy: "nbd", recipe: nbdRecipe("qemu-nbd", "xfs"), format: true, faults: [AGENT_CUT, ALL_KILLED] });
failoverSuite({
  strategy: "nbd",
  recipe: nbdRecipe("nbd-server", "ext4"),
  format: true,
  faults: [AGENT_CUT, ALL_KILLED],
});

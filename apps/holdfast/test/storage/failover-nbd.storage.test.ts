import { nbdRecipe } from "@holdfast/testkit";
import { AGENT_CUT, ALL_KILLED } from "./failover.js";
import { failoverSuite } from "./suite.js";

const others = { faults: [AGENT_CUT, ALL_KILLED], everyday: [AGENT_CUT] } as const;

failoverSuite({ strategy: "nbd", recipe: nbdRecipe("nbdkit", "ext4"), format: true });
failoverSuite({ strategy: "nbd", recipe: nbdRecipe("qemu-nbd", "xfs"), format: true, ...others });
failoverSuite({ strategy: "nbd", recipe: nbdRecipe("nbd-server", "ext4"), format: true, ...others });

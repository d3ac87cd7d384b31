import { mooseFsRecipe } from "@holdfast/testkit";
import { CLEAN_STOP, SERVERS_HUNG } from "./failover.js";
import { failoverSuite } from "./suite.js";

// A chunk that a lost client was writing stays locked for two minutes, so the other faults are for published runs.
failoverSuite({ strategy: "distributed-fs", recipe: mooseFsRecipe(), everyday: [CLEAN_STOP, SERVERS_HUNG] });

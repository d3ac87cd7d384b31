import { cephFsRecipe } from "@holdfast/testkit";
import { failoverSuite } from "./suite.js";

failoverSuite({ strategy: "distributed-fs", recipe: cephFsRecipe(), stagePerFault: true });

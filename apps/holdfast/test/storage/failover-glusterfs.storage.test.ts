import { glusterRecipe } from "@holdfast/testkit";
import { failoverSuite } from "./suite.js";

failoverSuite({ strategy: "distributed-fs", recipe: glusterRecipe({ replicas: 3 }) });

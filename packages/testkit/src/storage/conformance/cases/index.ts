import type { ConformanceCase } from "../case.js";
import { planCases } from "./l0-plan.js";
import { shapeCases } from "./l0-shape.js";
import { careCases } from "./l1-care.js";
import { orderCases } from "./l1-order.js";
import { crashCases } from "./l2-crash.js";
import { exclusiveCases } from "./l3-exclusive.js";
import { fenceCases } from "./l3-fence.js";
import { faultCases } from "./l4-faults.js";
import { lateCases } from "./l4-late.js";
import { runCases } from "./l4-run.js";

/** Everything the suite asks, in the order of its levels: what fails early explains what fails late. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...shapeCases,
  ...planCases,
  ...orderCases,
  ...careCases,
  ...crashCases,
  ...exclusiveCases,
  ...fenceCases,
  ...lateCases,
  ...faultCases,
  ...runCases,
];

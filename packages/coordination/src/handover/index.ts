export { type HandOverPlan, handOverWarnings, type PlannedHandOver, planHandOver } from "./dry-run.js";
export { gradeEvidence } from "./grade-evidence.js";
export {
  type FormerLease,
  type HandedOver,
  type HandOverJournal,
  type HandOverOptions,
  type HandOverStep,
  handOver,
} from "./hand-over.js";
export { askHandover, awaitHandover, type HandoverWish, readHandover, withdrawHandover } from "./handover.js";
export { lookAtService, lookAtVolumes, UNKNOWN_SITUATION } from "./look.js";
export {
  budgetOf,
  gradeOf,
  type SeenVolume,
  type ServiceBudget,
  type ServiceGrade,
  type Situation,
  type StrategyVolume,
  type VolumeOutlook,
  volumeOutlook,
} from "./outlook.js";
export { type SplitPart, timeSplit } from "./time-split.js";

export { type BudgetRow, type BudgetTerm, budgetLines, type TakeoverInput, takeoverBudget } from "./budget/budget.js";
export { type ClusterTiming, clusterTiming, DEFAULT_CLUSTER_TIMING } from "./budget/cluster-timing.js";
export { type CompiledApp, compileApp } from "./compile/compile.js";
export { chooseFailover, type Failover, type FailoverKind } from "./compile/failover.js";
export type { CompileOptions, Delivery, StoreAccess } from "./compile/options.js";
export { type PlacedVolume, placedVolume } from "./compile/volumes.js";
export { type AppChange, type AppDiff, type AppEffect, diffApp } from "./diff/diff.js";
export { appsIn, type FoundApp } from "./documents.js";
export {
  type AgentFacts,
  type ClusterFacts,
  type IsolationRow,
  isolationLines,
  isolationOf,
} from "./isolation/isolation.js";
export type { LintCode } from "./lint/code.js";
export { LINT_CODES, type LintCodeName } from "./lint/codes.js";
export { lintDefinition } from "./lint/lint.js";

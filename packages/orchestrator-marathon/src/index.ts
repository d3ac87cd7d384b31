export { appIdOf, OWNER_LABEL, serviceOf } from "./app-id.js";
export { type BudgetRow, type BudgetTerm, budgetLines, type TakeoverInput, takeoverBudget } from "./budget/budget.js";
export { type ClusterTiming, clusterTiming, DEFAULT_CLUSTER_TIMING } from "./budget/cluster-timing.js";
export { type ClusterAnswers, type ClusterView, clusterView } from "./cluster/facts.js";
export { type CompiledApp, compileApp } from "./compile/compile.js";
export { chooseFailover, expectedFailover, type Failover, type FailoverKind } from "./compile/failover.js";
export type { CompileOptions, Delivery, StoreAccess } from "./compile/options.js";
export { type PlacedVolume, placedVolume } from "./compile/volumes.js";
export { type ApplyOptions, type ApplyPlan, applyLines, planApply } from "./decide/apply.js";
export { type MissingProof, type Proof, proofOf, proofOfTask, type RunEvidence } from "./decide/evidence.js";
export { type MovePlan, planMove } from "./decide/move.js";
export { type Refusal, refusalError } from "./decide/refusal.js";
export { planReplacement, type ReplacementPlan } from "./decide/replacement.js";
export { planStop, proofOfStop, type StopOptions, type StopPlan } from "./decide/stop.js";
export { type AppChange, type AppDiff, type AppEffect, diffApp } from "./diff/diff.js";
export { appsIn, type FoundApp } from "./documents.js";
export type {
  Announcement,
  ChangeOptions,
  MarathonOrchestrator,
  MarathonOrchestratorOptions,
} from "./effects/interface.js";
export { createMarathonOrchestrator } from "./effects/orchestrator.js";
export { type ClusterClients, readCluster } from "./effects/read-cluster.js";
export type { Journal, ReplacementEntry } from "./effects/replacement.js";
export {
  type Consequence,
  consequenceOf,
  consequencesOf,
  OPERATOR_CALLS,
  type OperatorCall,
} from "./explain/consequences.js";
export { type Explanation, explain, type SituationCode } from "./explain/explain.js";
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
export {
  type MarathonOverview,
  type MarathonService,
  type MarathonTaskView,
  overviewOf,
  viewOf,
} from "./observe/observation.js";

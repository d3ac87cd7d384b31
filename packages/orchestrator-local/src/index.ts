export type { AgentTask, Launch, LocalAgent } from "./agent.js";
export { afterFailure, type BackoffState, NO_BACKOFF } from "./backoff.js";
export { type CompileOptions, compileService } from "./compile.js";
export {
  definitionVersion,
  fillPlaceholders,
  type LocalDefinition,
  localDefinitionSchema,
  type PlaceholderValues,
  parseDefinition,
} from "./definition.js";
export { diffDefinition } from "./diff.js";
export { lintDefinition } from "./lint.js";
export {
  type AgentStatus,
  createLocalOrchestrator,
  type LocalOrchestrator,
  type LocalOrchestratorOptions,
  type RememberedService,
} from "./orchestrator.js";
export {
  type Action,
  type PlannedAgent,
  type PlannedTask,
  planService,
  type ServicePlan,
  type ServiceView,
} from "./plan.js";
export type { LocalStorageOptions, LocalStoredService } from "./storage.js";
export { isOver, type TaskEntry } from "./task-table.js";

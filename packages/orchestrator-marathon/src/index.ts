export { type CompiledApp, compileApp } from "./compile/compile.js";
export { chooseFailover, type Failover, type FailoverKind } from "./compile/failover.js";
export type { CompileOptions, Delivery, StoreAccess } from "./compile/options.js";
export { type PlacedVolume, placedVolume } from "./compile/volumes.js";
export { appsIn, type FoundApp } from "./documents.js";
export type { LintCode } from "./lint/code.js";
export { LINT_CODES, type LintCodeName } from "./lint/codes.js";
export { lintDefinition } from "./lint/lint.js";

export {
  type ConformanceCase,
  type Declared,
  INVARIANTS,
  type Invariant,
  invariantOf,
  LEVELS,
  type Level,
  levelOf,
} from "./case.js";
export { conformanceCases } from "./cases/index.js";
export type { Executable } from "./executable/service.js";
export { findInit } from "./init-path.js";
export {
  type CallOptions,
  type CallReport,
  type NodeHalf,
  type NodeHalfOptions,
  type NodeVerbs,
  startNodeHalf,
} from "./node-half.js";
export {
  type CaseReport,
  type ConformanceReport,
  conformanceReportSchema,
  formatReport,
  levelResult,
  proveGrade,
} from "./report.js";
export { type ConformanceOptions, casesOf, openSession, runConformance, type Session } from "./run.js";
export { CRASHED, type CrashPoint, FOREIGN, type HelperVerb, type HelperVerbs } from "./runner/protocol.js";
export { loadStrategy, resolveStrategy, type StrategyReference } from "./strategy-reference.js";

export { findInit } from "./init-path.js";
export {
  type CallOptions,
  type CallReport,
  type NodeHalf,
  type NodeHalfOptions,
  type NodeVerbs,
  startNodeHalf,
} from "./node-half.js";
export { CRASHED, type CrashPoint, FOREIGN, type HelperVerb, type HelperVerbs } from "./runner/protocol.js";
export { loadStrategy, resolveStrategy, type StrategyReference } from "./strategy-reference.js";

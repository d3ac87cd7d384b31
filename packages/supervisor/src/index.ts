export {
  DEFAULT_ATTACH_TIMEOUT_MS,
  DEFAULT_VOLUME_CHECK_MS,
  DEFAULT_VOLUME_TIMEOUT_MS,
  defaultClaimWaitMs,
  type GrantPolicy,
  type GuardConfig,
  type GuardVolume,
  type UserIds,
} from "./guard/config.js";
export type { GuardDeps } from "./guard/deps.js";
export { killGraceFromEnvironment } from "./guard/kill-grace.js";
export type { GuardOutcome } from "./guard/outcome.js";
export { runGuard } from "./guard/run.js";
export { type LockHandle, spawnLockProcess } from "./lock-process.js";
export * from "./lock-protocol.js";
export { GUARD_SIGNALS, type GuardSignal, processSignals, type SignalSource } from "./signals.js";
export { defaultStatusSocketPath } from "./status/socket-path.js";
export type {
  CutReport,
  FormerRun,
  GuardStorage,
  GuardToStorage,
  PendingFence,
  StorageToGuard,
} from "./storage-protocol.js";

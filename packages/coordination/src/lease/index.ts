export { type Acquired, type AcquireOptions, acquireLease } from "./acquire.js";
export { Attempts } from "./attempts.js";
export { type BootstrapDecision, type BootstrapFacts, decideBootstrap } from "./bootstrap.js";
export { type ElectionOptions, runElection } from "./election.js";
export { coversEpoch, readRequest, writeFenceReceipt } from "./fence-receipts.js";
export { HeldLease, type ReleaseResult, type RenewResult, resumeLease } from "./held-lease.js";
export { readHistory, writeHistory } from "./history-log.js";
export { describeHolder, type LeaseContext, type LeaseIdentity, type LeasePaths } from "./identity.js";
export { type HolderSelf, type Judgement, judgeRead } from "./judge-read.js";
export {
  type CandidateDecision,
  type CandidateSituation,
  decideCandidate,
  type Observation,
  observe,
} from "./observer.js";
export { pendingFenceOf } from "./pending-fence.js";
export { readLease, type SeenRecord } from "./record-io.js";
export { confirmFenced, type LockStatus, readLockStatus, recoverLease } from "./recover.js";
export { writeTombstone } from "./tombstone.js";
export { Wakeup } from "./wakeup.js";

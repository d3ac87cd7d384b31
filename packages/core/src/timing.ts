import { CANDIDATE_LEASE_FACTOR, type LeaseTiming } from "./budget.js";
import { addMs, type Instant } from "./instant.js";

/**
 * Everything that can write must be cut by then (lease rule 2).
 * @param stamp - taken before the last *confirmed* write attempt was sent, never when its answer came.
 */
export function cutDeadline(stamp: Instant, timing: Pick<LeaseTiming, "leaseMs" | "marginMs">): Instant {
  return addMs(stamp, timing.leaseMs - timing.marginMs);
}

/** Without a newer confirmation the clean stop begins then, so that it is over by the cut deadline. */
export function stopDeadline(
  stamp: Instant,
  timing: Pick<LeaseTiming, "leaseMs" | "marginMs" | "stopBudgetMs">,
): Instant {
  return addMs(stamp, timing.leaseMs - timing.marginMs - timing.stopBudgetMs);
}

/**
 * The earliest monotonic time at which a candidate may try to take over (lease rules 3 and 8).
 * @param seenAtMs - monotonic time at which the *answer* that first showed the current version had arrived.
 * @param recordLeaseMs - the lease in the record seen, never the candidate's own.
 * @param place - place in the queue, 0 = first; orders candidates and forbids none.
 */
export function takeoverNotBeforeMs(
  seenAtMs: number,
  recordLeaseMs: number,
  timing: Pick<LeaseTiming, "guardMs" | "renewMs">,
  place: number,
): number {
  return seenAtMs + recordLeaseMs * CANDIDATE_LEASE_FACTOR + timing.guardMs + place * timing.renewMs;
}

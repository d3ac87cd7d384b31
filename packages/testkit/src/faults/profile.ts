import { CANDIDATE_LEASE_FACTOR, type LeaseTiming, timeBudget } from "@holdfast/core";

/** Everything about time in a fault row, derived from one lease. */
export interface FaultProfile {
  readonly timing: LeaseTiming;
  /** Guaranteed ride-out: a cut, a stop or a restart shorter than this leaves the application alone. */
  readonly rideOutMs: number;
  /** The short fault: a quarter of the lease. */
  readonly shortFaultMs: number;
  /** The long fault: three leases. */
  readonly longFaultMs: number;
  /** From the end of the tree to the successor's first write, where the end was seen and noted in the store. */
  readonly fastTakeoverMs: number;
  /** From the fault to the successor's first write, where only the lapse of the lease tells. */
  readonly leaseTakeoverMs: number;
  /**
   * What a row may take beyond its number before it fails. The numbers are shown as they were measured; on a shared
   * machine a verdict by the millisecond would tell of its other users. Far below what any other path would take.
   */
  readonly noiseMs: number;
  /** Acknowledged writes that must lie before and after a fault for the row to prove anything. */
  readonly writesBefore: number;
  readonly writesAfter: number;
  /** Bound of every wait in a row: far above everything that may happen, so that only a hang reaches it. */
  readonly patienceMs: number;
}

const TIMINGS: readonly LeaseTiming[] = [
  { leaseMs: 3_000, renewMs: 300, stopBudgetMs: 500, marginMs: 500, guardMs: 500 },
  { leaseMs: 10_000, renewMs: 1_000, stopBudgetMs: 2_000, marginMs: 1_500, guardMs: 500 },
];

const FAST_TAKEOVER_MS = 200;
const TAKEOVER_ITSELF_MS = 500;
const NOISE_MS = 800;

/**
 * The suite's own numbers for a lease of 3 or of 10 seconds.
 * @throws Error when they do not fit the product's time budget.
 */
export function faultProfile(
  leaseMs: number,
  writes: { readonly before: number; readonly after: number },
): FaultProfile {
  const timing = TIMINGS.find((known) => known.leaseMs === leaseMs);
  if (timing === undefined)
    throw new Error(
      `no fault profile for a lease of ${leaseMs} ms; there are ${TIMINGS.map((t) => t.leaseMs).join(" and ")}`,
    );
  const budget = timeBudget(timing);
  if (budget.problems.length > 0)
    throw new Error(`the fault profile for ${leaseMs} ms is impossible: ${budget.problems.join("; ")}`);
  const shortFaultMs = leaseMs / 4;
  if (shortFaultMs >= budget.rideOutMs)
    throw new Error(`a short fault of ${shortFaultMs} ms is not below the ride-out of ${budget.rideOutMs} ms`);
  return {
    timing,
    rideOutMs: budget.rideOutMs,
    shortFaultMs,
    longFaultMs: 3 * leaseMs,
    fastTakeoverMs: FAST_TAKEOVER_MS,
    leaseTakeoverMs: leaseMs * CANDIDATE_LEASE_FACTOR + timing.guardMs + TAKEOVER_ITSELF_MS,
    noiseMs: NOISE_MS,
    writesBefore: writes.before,
    writesAfter: writes.after,
    patienceMs: 6 * leaseMs + 30_000,
  };
}

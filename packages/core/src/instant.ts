/**
 * A point in time that a holder may stake data on. Monotonic time stands still while a machine is suspended,
 * boot time does not; wall time may jump and is never used. Both clocks are the machine's own and comparable
 * between its processes.
 */
export interface Instant {
  /** CLOCK_MONOTONIC, milliseconds. */
  readonly monoMs: number;
  /** CLOCK_BOOTTIME, milliseconds; a stamp may be older than the truth, never younger. */
  readonly bootMs: number;
}

/** Both clocks moved by the same amount. */
export function addMs(instant: Instant, ms: number): Instant {
  return { monoMs: instant.monoMs + ms, bootMs: instant.bootMs + ms };
}

/**
 * A holder goes by whichever clock advanced more (lease rule 5): a deadline is reached when either clock
 * reached it, so a suspended machine wakes up past its deadline.
 */
export function isReached(deadline: Instant, now: Instant): boolean {
  return now.monoMs >= deadline.monoMs || now.bootMs >= deadline.bootMs;
}

/** Milliseconds until the deadline by the clock that gets there first; negative once it is past. */
export function remainingMs(deadline: Instant, now: Instant): number {
  return Math.min(deadline.monoMs - now.monoMs, deadline.bootMs - now.bootMs);
}

/**
 * Time that passed between two readings without monotonic time noticing: suspend, or a migration of the
 * virtual machine. Counts as lost contact for a holder.
 */
export function suspendedMs(earlier: Instant, later: Instant): number {
  return later.bootMs - earlier.bootMs - (later.monoMs - earlier.monoMs);
}

import type { Instant } from "@holdfast/core";

/** os.uptime() truncates to 10 ms; a correction is made smaller by this, so that an error ends a lease earlier. */
const TRUNCATION_MS = 10;
const TOLERANCE_MS = 1;

/**
 * What must be added to boot milliseconds read here to get the kernel's own CLOCK_BOOTTIME, which the init uses. Zero
 * on an ordinary machine; containers may show a /proc/uptime of their own. Pure.
 * @param hello - Both clocks as the init read them; their difference does not depend on when it is compared.
 * @param now - Both clocks as read here.
 */
export function bootCorrectionMs(hello: { readonly monoNs: bigint; readonly bootNs: bigint }, now: Instant): number {
  const offsetMs = Number(hello.bootNs - hello.monoNs) / 1e6;
  const differenceMs = offsetMs - (now.bootMs - now.monoMs);
  const isTruncation = differenceMs > -TOLERANCE_MS && differenceMs < TRUNCATION_MS + TOLERANCE_MS;
  return isTruncation ? 0 : differenceMs - TRUNCATION_MS;
}

/**
 * A deadline for the init's one clock: whichever of the two clocks gets there first, in CLOCK_BOOTTIME nanoseconds.
 * Never later than the deadline's own boot time. Pure.
 */
export function bootDeadlineNs(deadline: Instant, now: Instant, correctionMs: number): bigint {
  const byMonotonicMs = now.bootMs + (deadline.monoMs - now.monoMs);
  const bootMs = Math.min(deadline.bootMs, byMonotonicMs) + correctionMs;
  return BigInt(Math.max(1, Math.floor(bootMs * 1e6)));
}

import { uptime } from "node:os";
import { setTimeout as sleepTimer } from "node:timers/promises";
import type { Clock, Instant } from "@holdfast/core";

/** CLOCK_MONOTONIC in milliseconds, the same for every process of the machine (unlike `performance.now()`). */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Reads both clocks. Boot time comes from /proc/uptime, which truncates to 10 ms: a stamp is then up to 10 ms
 * older than the truth, which ends a lease earlier and never later.
 */
export function readInstant(): Instant {
  // A caller stamps *before* it sends, so whatever passes between these two readings makes the stamp older, never younger.
  return { monoMs: monotonicMs(), bootMs: uptime() * 1000 };
}

/** The machine's clocks. Tests that need to suspend a machine bring their own. */
export const systemClock: Clock = {
  now: readInstant,
  wallTime: () => new Date().toISOString(),
  async sleep(ms, signal) {
    try {
      await sleepTimer(Math.max(0, ms), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted(); // Node wraps the reason, by which callers tell a limit from a failure
      throw error;
    }
  },
};

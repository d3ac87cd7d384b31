import { setTimeout as pause } from "node:timers/promises";
import { HoldfastError } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";

export interface UntilOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly intervalMs?: number;
  /** What was seen instead; goes into the error. */
  readonly seen?: () => string;
}

/**
 * Looks again and again until the condition holds. `undefined` and `false` mean "not yet"; anything else is the answer.
 * @throws `WAIT_LIMIT` naming what was waited for; the signal's reason when aborted.
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: UntilOptions,
): Promise<T> {
  const limitMs = monotonicMs() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const answer = await look();
    if (answer !== undefined && answer !== false) return answer;
    if (monotonicMs() >= limitMs) {
      throw new HoldfastError("WAIT_LIMIT", `Waited ${options.timeoutMs} ms in vain for ${what}.`, {
        hint: options.seen === undefined ? "See the logs of the agents and runs." : `Seen instead: ${options.seen()}`,
      });
    }
    await pause(options.intervalMs ?? 20);
  }
}

import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "@holdfast/effects";

export interface UntilOptions {
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  /** Appended to the error: what was seen instead. */
  readonly seen?: () => string;
}

/**
 * Polls an observed condition. Undefined and false mean "not yet"; anything else is the answer.
 * @throws Error naming what was waited for, when it did not come in time.
 */
export async function until<T>(
  what: string,
  observe: () => T | undefined | false | Promise<T | undefined | false>,
  options: UntilOptions,
): Promise<T> {
  const limitMs = monotonicMs() + options.timeoutMs;
  for (;;) {
    const answer = await observe();
    if (answer !== undefined && answer !== false) return answer;
    if (monotonicMs() >= limitMs) {
      const seen = options.seen === undefined ? "" : ` Seen: ${options.seen()}`;
      throw new Error(`Waited ${options.timeoutMs} ms in vain for ${what}.${seen}`);
    }
    await pause(options.intervalMs ?? 20);
  }
}

export interface Backoff {
  readonly firstMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 250, factor: 2, maxMs: 15_000 };

/**
 * How long to wait before the next attempt, after `failures` (1 or more) in a row. Between half of the computed delay and
 * all of it, so that clients that lost the same server do not return together.
 * @param random - From 0 (inclusive) to 1.
 */
export function backoffMs(failures: number, backoff: Backoff, random: number): number {
  const full = Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** Math.min(failures - 1, 64));
  return full / 2 + (full / 2) * random;
}

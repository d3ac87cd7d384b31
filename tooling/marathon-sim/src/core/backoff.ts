/** Delay before the next launch of one configuration (facts 8). */
export interface Backoff {
  readonly delayMs: number;
  readonly failedAtMs: number;
}

export interface BackoffRule {
  readonly backoffSeconds: number;
  readonly backoffFactor: number;
  readonly maxLaunchDelaySeconds: number;
}

/** First failure: `backoffSeconds`; each further one times `backoffFactor`, at most `maxLaunchDelaySeconds`. */
export function afterFailure(before: Backoff | undefined, rule: BackoffRule, secondMs: number, nowMs: number): Backoff {
  const capMs = rule.maxLaunchDelaySeconds * secondMs;
  const grownMs = before === undefined ? rule.backoffSeconds * secondMs : before.delayMs * rule.backoffFactor;
  return { delayMs: Math.min(grownMs, capMs), failedAtMs: nowMs };
}

/** Forgotten after `maxLaunchDelaySeconds` without a failure. */
export function isForgotten(backoff: Backoff, rule: BackoffRule, secondMs: number, nowMs: number): boolean {
  return nowMs - backoff.failedAtMs > Math.max(rule.maxLaunchDelaySeconds * secondMs, backoff.delayMs);
}

export const launchAtMs = (backoff: Backoff | undefined): number =>
  backoff === undefined ? 0 : backoff.failedAtMs + backoff.delayMs;

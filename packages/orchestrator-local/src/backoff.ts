import type { LocalDefinition } from "./definition.js";

/** How long a failing service waits before its next start. Kept per definition version, as Marathon does. */
export interface BackoffState {
  readonly failures: number;
  /** Monotonic milliseconds; nothing is launched before. */
  readonly notBeforeMs: number;
  readonly lastFailureMs: number;
}

export const NO_BACKOFF: BackoffState = { failures: 0, notBeforeMs: 0, lastFailureMs: 0 };

/**
 * Pure. The first failure waits `firstMs`, each further one `factor` times longer, never more than `maxMs`; a service
 * that did not fail for `maxMs` starts again from the beginning. An exit with status 0 counts too: a service is not
 * supposed to end.
 */
export function afterFailure(state: BackoffState, backoff: LocalDefinition["backoff"], nowMs: number): BackoffState {
  const forgotten = state.failures > 0 && nowMs - state.lastFailureMs > backoff.maxMs;
  const failures = forgotten ? 1 : state.failures + 1;
  const delayMs = Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** (failures - 1));
  return { failures, notBeforeMs: nowMs + delayMs, lastFailureMs: nowMs };
}

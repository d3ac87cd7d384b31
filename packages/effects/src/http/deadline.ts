/** A call's own end: its limit in time, and its caller's signal, whichever comes first. */
export interface Deadline {
  readonly signal: AbortSignal;
  remainingMs(): number;
  /** Lets go of the timer and of the caller's signal. */
  dispose(): void;
}

/**
 * Not `AbortSignal.any` with `AbortSignal.timeout`: what those hold of a long-lived signal is freed only by the garbage
 * collector, and a controller makes calls under one signal for months.
 */
export function startDeadline(timeoutMs: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const endsAtMs = performance.now() + timeoutMs;
  const timer = setTimeout(() => {
    controller.abort(new Error(`no complete answer within ${Math.round(timeoutMs)} ms`));
  }, timeoutMs);
  const onAbort = () => controller.abort(parent?.reason);
  if (parent?.aborted) onAbort();
  else parent?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    remainingMs: () => Math.max(0, endsAtMs - performance.now()),
    dispose() {
      clearTimeout(timer);
      parent?.removeEventListener("abort", onAbort);
    },
  };
}

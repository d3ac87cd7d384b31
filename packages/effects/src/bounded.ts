import { type ErrorCode, HoldfastError } from "@holdfast/core";

export interface Bound {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What the error says when the time is over. */
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint: string;
}

/**
 * Waits for a promise that may never settle. When the time is over the promise is abandoned, not cancelled: its
 * late result is ignored and its late rejection handled, so it can neither hang nor crash the caller.
 * @throws the bound's code after `timeoutMs`; the signal's reason when aborted.
 */
export async function bounded<T>(promise: Promise<T>, bound: Bound): Promise<T> {
  const { signal } = bound;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new HoldfastError(bound.code, `${bound.what} did not finish within ${bound.timeoutMs} ms.`, {
          hint: bound.hint,
          retryable: true,
          detail: { timeoutMs: bound.timeoutMs },
        }),
      );
    }, bound.timeoutMs);
    if (signal !== undefined) {
      onAbort = () => reject(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    }
  });
  try {
    // Promise.race subscribes to both, so a rejection that comes after the race was decided is still handled.
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

import { coversEpoch, type LeaseContext, readRequest } from "@holdfast/coordination";
import { errorCode, hasCode, storePaths } from "@holdfast/core";

const POLL_MS = 1_000;

/**
 * Resolves to true once a receipt covers the epoch, to false when aborted. A store that is away is asked again, and so
 * is one whose answer is of no use: that is told once, and must not end the process that renews.
 */
export async function awaitFenceReceipt(
  context: LeaseContext,
  epoch: bigint,
  warn: (message: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const path = storePaths.request(context.identity.service);
  let warned = false;
  while (!signal.aborted) {
    try {
      if (coversEpoch(await readRequest(context, path, { timeoutMs: POLL_MS, signal }), epoch)) return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (errorCode(error) === undefined) throw error;
      if (!warned && !hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME")) {
        warned = true;
        warn(`the fence receipt cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    await context.clock.sleep(POLL_MS, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
  return false;
}

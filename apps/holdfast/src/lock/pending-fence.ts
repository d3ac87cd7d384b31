import { coversEpoch, type LeaseContext, readRequest } from "@holdfast/coordination";
import { hasCode } from "@holdfast/core";

const POLL_MS = 1_000;

/** Resolves to true once a receipt covers the epoch, to false when aborted. A store that is away is asked again. */
export async function awaitFenceReceipt(
  context: LeaseContext,
  path: string,
  epoch: bigint,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      if (coversEpoch(await readRequest(context, path, { timeoutMs: POLL_MS, signal }), epoch)) return true;
      await context.clock.sleep(POLL_MS, signal);
    } catch (error) {
      if (signal.aborted) return false;
      if (!hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME")) throw error;
    }
  }
  return false;
}

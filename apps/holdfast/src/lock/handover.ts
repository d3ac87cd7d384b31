import { awaitHandover, type HeldLease, type LeaseContext } from "@holdfast/coordination";
import { errorCode } from "@holdfast/core";
import type { LockToGuard } from "@holdfast/supervisor";

/**
 * Resolves to what the guard is told when an operator asks this epoch to hand over; null when aborted. That a wish cannot
 * be read is told once, and is no reason to stop anything.
 */
export async function handoverOf(
  context: LeaseContext,
  lease: HeldLease,
  signal: AbortSignal,
): Promise<LockToGuard | null> {
  try {
    const { kind, by, reason } = await awaitHandover(context, context.identity.service, lease.epoch, signal);
    return { type: "handover", epoch: lease.epoch.toString(), why: `${kind} by ${by}: ${reason}` };
  } catch (error) {
    if (signal.aborted) return null;
    if (errorCode(error) === undefined) throw error;
    return { type: "warning", code: "NO_HANDOVER", message: String(error) };
  }
}

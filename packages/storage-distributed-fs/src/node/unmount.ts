import { HoldfastError, type Op } from "@holdfast/core";
import type { Bound } from "../volume.js";
import { leftoverClients } from "./leftovers.js";
import { findMount } from "./mounts.js";

const POLL_MS = 50;

/**
 * Writes back, unmounts, and waits for the client to be gone: only then is nothing of this agent left that could write.
 * @throws `BUSY` when something still has it open, `UNKNOWN_OUTCOME` when the client stays.
 */
export async function unmountClient(op: Op, bound: Bound): Promise<void> {
  const { mountPath, options } = bound.volume;
  while ((await findMount(op, bound, mountPath)) !== undefined) {
    await op.volumes.sync(mountPath, { timeoutMs: options.callTimeoutMs });
    const { exitCode, stderr } = await op.exec("umount", ["--no-canonicalize", mountPath], {
      timeoutMs: options.callTimeoutMs,
      okExitCodes: [0, 32],
    });
    if (exitCode !== 0) {
      throw new HoldfastError("BUSY", `${mountPath} could not be unmounted: ${stderr.trim()}.`, {
        hint: "See what still has files open there: fuser -m.",
        retryable: true,
      });
    }
  }
  const deadlineMs = op.clock.now().monoMs + options.callTimeoutMs;
  while ((await leftoverClients(op, bound)).length > 0) {
    if (op.clock.now().monoMs > deadlineMs) {
      throw new HoldfastError("UNKNOWN_OUTCOME", `The client of ${mountPath} outlives its mount.`, {
        hint: "Another mount namespace may hold the mount; `cut` ends the client.",
        retryable: true,
      });
    }
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

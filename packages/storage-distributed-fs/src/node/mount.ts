import { HoldfastError, hasCode, type Op } from "@holdfast/core";
import type { Bound } from "../volume.js";
import { startClient, stopClient } from "./client.js";
import { findMount } from "./mounts.js";

/** Mounts the volume at its path and waits until it answers. One that is mounted and answers already is left alone. */
export async function mountClient(op: Op, bound: Bound): Promise<void> {
  const { volume } = bound;
  const { mountPath, options } = volume;
  if ((await findMount(op, bound, mountPath)) !== undefined) {
    if (await answers(op, mountPath, options.callTimeoutMs)) return;
    // What a dead client left: "transport endpoint is not connected", or nothing at all.
    await stopClient(op, bound, mountPath, undefined);
  }
  const foreign = (await op.mounts()).filter((mount) => mount.mountPoint === mountPath).at(-1);
  if (foreign !== undefined) {
    throw new HoldfastError("IDENTITY_MISMATCH", `${mountPath} carries ${foreign.fsType} ${foreign.source}.`, {
      hint: "Unmount it, or correct mountPath or the options.",
      detail: { source: foreign.source, fsType: foreign.fsType },
    });
  }
  await op.files.makeDirectory(mountPath);
  const name = `${volume.service}-${volume.role}`;
  await startClient(op, bound, { mountPath, workDirectory: op.workDirectory, name });
}

async function answers(op: Op, path: string, timeoutMs: number): Promise<boolean> {
  try {
    await op.volumes.look(path, { timeoutMs });
    return true;
  } catch (error) {
    if (hasCode(error, "VOLUME_IO_ERROR", "VOLUME_HUNG")) return false;
    throw error;
  }
}

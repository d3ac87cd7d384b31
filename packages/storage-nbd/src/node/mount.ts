import { type Grant, HoldfastError, hasCode, isReadOnly, type Op, type Volume } from "@holdfast/core";
import type { NbdContext } from "../context.js";
import type { NbdOptions } from "../options.js";
import { clientsOf } from "./clients.js";
import { connectedDevice, refuseLostGrant } from "./device.js";
import { LOOP_MOUNT, mountOptions } from "./mount-options.js";
import { deviceBelow, mountAt, sysBlock, takeOff } from "./mounted.js";
import { needsRepair } from "./repair.js";

const MOUNT_MS = 120_000;
/** What was written until then stays written: the same call again goes on from there. */
const SYNC_MS = 20_000;
const LOOP_MAJOR = "7:";

export async function mount(
  op: Op,
  volume: Volume,
  options: NbdOptions,
  context: NbdContext,
  grant: Grant,
): Promise<void> {
  const { device } = await connectedDevice(op, options, context);
  const there = await mountAt(op, volume.mountPath);
  if (there !== undefined) {
    if ((await deviceBelow(op, there)) !== device) throw inTheWay(volume, there.source);
    if (!isReadOnly(there)) return;
    // The file system turned itself read-only after an error: unmount, and let the next check say what it needs.
    throw needsRepair(options, "it is mounted read-only, which it does by itself after an error.", null);
  }
  refuseLostGrant(grant);
  await op.files.makeDirectory(volume.mountPath);
  await mountDevice(op, options, device, volume.mountPath);
  await refuseLastingLoop(op, volume);
}

export async function mountDevice(op: Op, options: NbdOptions, device: string, place: string): Promise<void> {
  const words = mountOptions(options).join(",");
  try {
    if (device.startsWith("/dev/")) {
      await op.exec("mount", ["-t", options.fsType, "-o", words, device, place], { timeoutMs: MOUNT_MS });
    } else {
      await op.exec("sh", ["-c", LOOP_MOUNT, "sh", options.fsType, words, device, place], { timeoutMs: MOUNT_MS });
    }
  } catch (error) {
    if (!hasCode(error, "INTERNAL")) throw error;
    const stderr = error instanceof HoldfastError ? String(error.detail.stderr) : "";
    if (/structure needs cleaning|bad superblock|wrong fs type|can't read superblock|bad message/i.test(stderr)) {
      throw needsRepair(options, `mount refuses it: ${stderr.trim()}`, null);
    }
    throw error;
  }
}

async function refuseLastingLoop(op: Op, volume: Volume): Promise<void> {
  const mounted = await mountAt(op, volume.mountPath);
  if (mounted === undefined || !mounted.device.startsWith(LOOP_MAJOR)) return;
  if ((await sysBlock(op, mounted.device, "loop/autoclear")) === "1") return;
  throw new HoldfastError("INTERNAL", `The loop device ${mounted.source} would outlive its mount.`, {
    hint: "This losetup(8) does not set LO_FLAGS_AUTOCLEAR on a device that is in use; use the one of util-linux.",
  });
}

/**
 * Writes back, then unmounts. A device whose client or connection is dead takes nothing any more, and is only taken apart.
 * @throws `VOLUME_HUNG` when the server does not answer: it may still come back.
 */
export async function unmount(op: Op, volume: Volume, options: NbdOptions): Promise<void> {
  const mounted = await mountAt(op, volume.mountPath);
  if (mounted === undefined) return;
  const below = await deviceBelow(op, mounted);
  const connected = (await clientsOf(op, options)).some(({ device }) => device === below);
  const written = connected && (await writeBack(op, volume.mountPath));
  if (!written)
    op.logger.log("warn", "the block device takes nothing any more: what was not flushed is lost", { below });
  await takeOff(op, volume.mountPath, { lazy: !written, busyMs: 0 });
}

/** False after an I/O error: the kernel has given up those pages, and would not write them the next time either. */
async function writeBack(op: Op, mountPath: string): Promise<boolean> {
  try {
    await op.volumes.sync(mountPath, { timeoutMs: SYNC_MS });
    return true;
  } catch (error) {
    if (hasCode(error, "VOLUME_IO_ERROR")) return false;
    throw error;
  }
}

function inTheWay(volume: Volume, source: string): HoldfastError {
  return new HoldfastError("BUSY", `Something else is mounted on ${volume.mountPath}: ${source}.`, {
    hint: "Unmount it, or correct mountPath.",
    retryable: true,
    detail: { source },
  });
}

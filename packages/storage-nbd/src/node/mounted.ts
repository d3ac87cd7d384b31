import { HoldfastError, hasCode, type MountEntry, type Op } from "@holdfast/core";

const SYS_BYTES_MAX = 4_096;
const POLL_MS = 50;
const UMOUNT_MS = 10_000;

/**
 * Unmounts what is there, if anything is. Busy is tried again for a while, because a loop device lets go of its file a moment after
 * its own file system was unmounted; `lazy` never is. @throws `BUSY` after `busyMs`.
 */
export async function takeOff(op: Op, mountPoint: string, { lazy, busyMs }: { lazy: boolean; busyMs: number }) {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    if ((await mountAt(op, mountPoint)) === undefined) return;
    try {
      await op.exec("umount", ["--no-canonicalize", ...(lazy ? ["--lazy"] : []), mountPoint], { timeoutMs: UMOUNT_MS });
      return;
    } catch (error) {
      if (!hasCode(error, "INTERNAL")) throw error;
      // Gone meanwhile: a client that ends unmounts its directory by itself.
      if ((await mountAt(op, mountPoint)) === undefined) return;
      if (waitedMs >= busyMs) {
        throw new HoldfastError("BUSY", `${mountPoint} is in use.`, {
          hint: "A process has a file or its working directory there.",
          retryable: true,
          cause: error,
        });
      }
    }
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

/** The topmost mount exactly there. */
export async function mountAt(op: Op, mountPath: string): Promise<MountEntry | undefined> {
  return (await op.mounts()).filter(({ mountPoint }) => mountPoint === mountPath).at(-1);
}

/** What lies below a mounted block device: a loop device's file, else the device itself. Asked of the kernel by number. */
export async function deviceBelow(op: Op, mount: MountEntry): Promise<string> {
  return (await sysBlock(op, mount.device, "loop/backing_file")) ?? mount.source;
}

/** A file of the mounted device in /sys; undefined when it has none. */
export async function sysBlock(op: Op, device: string, file: string): Promise<string | undefined> {
  const content = await op.files.read(`/sys/dev/block/${device}/${file}`, { bytesMax: SYS_BYTES_MAX });
  return content === undefined ? undefined : new TextDecoder().decode(content).trim();
}

import type { MountEntry, Op } from "@holdfast/core";

const SYS_BYTES_MAX = 4_096;

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

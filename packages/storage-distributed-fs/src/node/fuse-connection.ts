import type { MountEntry, Op } from "@holdfast/core";

const CONTROL = "/sys/fs/fuse/connections";
const MOUNT_MS = 1_000;
const ABORT_MS = 1_000;

/**
 * Ends a FUSE connection in the kernel: callers that hang in it get an error, its client cannot answer any more. The directory's
 * name is the minor number of the mount's device (Documentation/filesystems/fuse.rst). Absent is success.
 */
export async function abortConnection(op: Op, mount: MountEntry): Promise<string> {
  const minor = mount.device.split(":")[1] ?? "";
  if (((await op.files.list(CONTROL)) ?? []).length === 0) {
    await op.exec("mount", ["-t", "fusectl", "fusectl", CONTROL], { timeoutMs: MOUNT_MS, okExitCodes: [0, 32] });
  }
  const connections = (await op.files.list(CONTROL)) ?? [];
  if (!connections.includes(minor)) return `FUSE connection ${minor} was gone`;
  await op.exec("dd", [`of=${CONTROL}/${minor}/abort`, "bs=1", "conv=notrunc", "status=none"], {
    timeoutMs: ABORT_MS,
    input: "1",
  });
  return `FUSE connection ${minor} aborted`;
}

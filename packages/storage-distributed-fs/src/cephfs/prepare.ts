import { HoldfastError, type Op } from "@holdfast/core";

const VERSION_MS = 5_000;

/** The client and the kernel's half of it. Whether the monitors answer is found out by mounting, within the mount's limit. */
export async function prepare(op: Op): Promise<void> {
  await op.exec("ceph-fuse", ["--version"], { timeoutMs: VERSION_MS });
  if (((await op.files.list("/dev")) ?? []).includes("fuse")) return;
  throw new HoldfastError("UNSUPPORTED", "There is no /dev/fuse on this agent.", {
    hint: "Load the fuse module; in a container, pass the device in.",
  });
}

import { isLocalFsType, isReadOnly, type MountEntry, mountOf } from "../mountinfo.js";
import type { VolumeUsage } from "../op.js";
import type { StorageFinding } from "./capabilities.js";

/** In memory: gone at the next start of the machine. */
const VOLATILE = new Set(["tmpfs", "ramfs"]);

/** Pure: what an operator should know about a directory that holds data, of an agent's own disk. */
export function directoryFindings(
  path: string,
  mounts: readonly MountEntry[],
  usage: VolumeUsage | null,
  diskMiB: number | null,
): StorageFinding[] {
  const mount = mountOf(mounts, path);
  if (mount === undefined) return [];
  const findings: StorageFinding[] = [];
  const add = (severity: StorageFinding["severity"], code: string, message: string, fix: string) =>
    findings.push({ severity, code, message, fix });
  if (!isLocalFsType(mount.fsType)) {
    const what = `${path} lies on ${mount.source}, a ${mount.fsType}.`;
    add("error", "NOT_LOCAL", `${what} Other machines may write there too.`, "Use shared-fs or distributed-fs for it.");
  }
  if (VOLATILE.has(mount.fsType)) {
    add("error", "VOLATILE", `${path} lies in memory (${mount.fsType}).`, "Put it on a disk.");
  }
  if (mount.fsType === "overlay") {
    const what = `${path} lies in the container's own layer (overlay), which goes away with the container.`;
    add("warning", "CONTAINER_LAYER", what, "Give the container a host directory there.");
  }
  if (isReadOnly(mount)) {
    add("error", "READ_ONLY", `${path} is mounted read-only.`, "See the kernel log: ext4 does so after an error.");
  }
  if (mount.mountPoint === "/" && !VOLATILE.has(mount.fsType)) {
    const what = `${path} shares the root file system: a log that grows there can fill the database's disk, and the reverse.`;
    add("info", "SHARED_SPACE", what, "One file system per service bounds both; see the README.");
  }
  if (usage !== null && diskMiB !== null && usage.spaceBytes < diskMiB * MIB) {
    const has = Math.floor(usage.spaceBytes / MIB);
    add("warning", "TOO_SMALL", `${path} has ${has} MiB in all; diskMiB is ${diskMiB}.`, "Give it a larger disk.");
  }
  return findings;
}

const MIB = 1024 * 1024;

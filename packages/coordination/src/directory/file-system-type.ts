import { HoldfastError } from "@holdfast/core";

/** `f_type` of statfs(2): file systems where link(2) is atomic for everybody who can see the directory, and fsync means it. */
const LOCAL_TYPES: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext2/3/4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"],
  [0xca451a4e, "bcachefs"],
  [0x794c7630, "overlayfs"],
  [0x01021994, "tmpfs"],
]);

/** Only for messages. */
const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, "nfs"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb2"],
  [0x65735546, "fuse"],
  [0x00c36400, "ceph"],
  [0x0bd00bd0, "lustre"],
  [0x01021997, "9p"],
  [0x01161970, "gfs2"],
  [0x7461636f, "ocfs2"],
  [0x858458f6, "ramfs"],
  [0x9fa0, "proc"],
  [0x62656572, "sysfs"],
  [0x4d44, "vfat"],
]);

const VOLATILE: ReadonlyMap<string, string> = new Map([
  ["tmpfs", "it is empty after a reboot"],
  ["overlayfs", "it is usually a container's own layer: it goes with the container, and no other container sees it"],
]);

export interface FileSystemJudgement {
  readonly name: string;
  /** Why what is stored there may vanish; null when it stays. */
  readonly volatile: string | null;
}

/**
 * Pure. An allow-list, because a file system nobody thought of must not be trusted with compare-and-set: on NFS a
 * repeated LINK request may report a failure for a link that was made, and caches hide files from other clients.
 * @throws `STORE_UNSUITABLE`.
 */
export function judgeFileSystem(directory: string, type: number): FileSystemJudgement {
  const unsigned = type >>> 0;
  const name = LOCAL_TYPES.get(unsigned);
  if (name === undefined) {
    const found = OTHER_TYPES.get(unsigned) ?? `type 0x${unsigned.toString(16)}`;
    throw new HoldfastError(
      "STORE_UNSUITABLE",
      `${directory} is on ${found}, where a directory store cannot keep its promises.`,
      {
        hint: `Use a directory on a local disk (${[...LOCAL_TYPES.values()].join(", ")}), or ZooKeeper for several machines.`,
        detail: { directory, fileSystem: found },
      },
    );
  }
  return { name, volatile: VOLATILE.get(name) ?? null };
}

import type { Grade } from "@holdfast/core";

/** What is known of a file system by its type alone. */
export interface FileSystemKind {
  readonly strategy: string | null;
  /** What a run with nothing but `--volume` would get there. */
  readonly grade: Grade;
  readonly why: string;
}

const LOCAL: FileSystemKind = {
  strategy: "local-pin",
  grade: "lease-only",
  why: "only this machine writes to it: a dead process leaves nothing under way, and the kernel's lock shows who is left",
};
const NFS: FileSystemKind = {
  strategy: "shared-fs",
  grade: "lease-only",
  why: "what a dead process wrote may still be on its way to the server, and nothing here fences at the server",
};
const FUSE: FileSystemKind = {
  strategy: "distributed-fs",
  grade: "lease-only",
  why: "mounted outside of the run, its client outlives a dead process and may still write for it; a strategy that mounts it ends the client too",
};
const VOLATILE: FileSystemKind = {
  strategy: null,
  grade: "none",
  why: "it lies in memory, so there is nothing to fail over to",
};
const UNKNOWN: FileSystemKind = {
  strategy: null,
  grade: "lease-only",
  why: "nothing is known of what this file system does with a dead process's data",
};

const KINDS: Readonly<Record<string, FileSystemKind>> = {
  ext2: LOCAL,
  ext3: LOCAL,
  ext4: LOCAL,
  xfs: LOCAL,
  btrfs: LOCAL,
  zfs: LOCAL,
  f2fs: LOCAL,
  bcachefs: LOCAL,
  overlay: LOCAL,
  tmpfs: VOLATILE,
  ramfs: VOLATILE,
  nfs: NFS,
  nfs4: NFS,
  cifs: NFS,
  smb3: NFS,
  ceph: {
    ...FUSE,
    why: "what a dead process wrote may still be in the kernel client, and nothing here fences at the cluster",
  },
  lustre: { ...FUSE, why: "what a dead process wrote may still be in the kernel client, and nothing here evicts it" },
  "fuse.glusterfs": FUSE,
  "fuse.ceph-fuse": FUSE,
  "fuse.mfs": FUSE,
  "fuse.moosefs": FUSE,
};

/** Pure. A file system on a network block device is local to this kernel, and the device is not. */
export function fileSystemKind(fsType: string, source: string): FileSystemKind {
  const kind = KINDS[fsType] ?? (fsType === "fuse" && /^mfs/.test(source) ? FUSE : UNKNOWN);
  if (kind === LOCAL && /^\/dev\/nbd\d/.test(source)) {
    return {
      strategy: "nbd",
      grade: "lease-only",
      why: "it lies on a network block device that is attached outside of the run, which nothing here detaches or fences",
    };
  }
  return kind;
}

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountEntry {
  readonly mountId: number;
  readonly parentId: number;
  /** `major:minor`. */
  readonly device: string;
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** Octal escapes of space, tab, newline and backslash. */
function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Pure. Lines that do not have the documented form are left out, as future kernels may add some. */
export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const [front, back] = line.split(" - ", 2);
    if (front === undefined || back === undefined) continue;
    const [mountId, parentId, device, root, mountPoint, options] = front.split(" ");
    const [fsType, source, superOptions] = back.split(" ");
    if (mountId === undefined || parentId === undefined || device === undefined) continue;
    if (root === undefined || mountPoint === undefined || options === undefined) continue;
    if (fsType === undefined || source === undefined) continue;
    entries.push({
      mountId: Number(mountId),
      parentId: Number(parentId),
      device,
      root: unescapeField(root),
      mountPoint: unescapeField(mountPoint),
      options: options.split(","),
      fsType,
      source: unescapeField(source),
      superOptions: (superOptions ?? "").split(","),
    });
  }
  return entries;
}

/** The mount that a path lies on: the longest mount point above it; of equal ones the last, which covers the others. */
export function mountOf(mounts: readonly MountEntry[], path: string): MountEntry | undefined {
  let best: MountEntry | undefined;
  for (const mount of mounts) {
    const prefix = mount.mountPoint === "/" ? "/" : `${mount.mountPoint}/`;
    if (path !== mount.mountPoint && !path.startsWith(prefix)) continue;
    if (best === undefined || mount.mountPoint.length >= best.mountPoint.length) best = mount;
  }
  return best;
}

/** Read-only by mount flag or by the file system's own state (ext4 after an error). */
export function isReadOnly(mount: MountEntry): boolean {
  return mount.options.includes("ro") || mount.superOptions.includes("ro");
}

const LOCAL_FS_TYPES = new Set([
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "btrfs",
  "zfs",
  "tmpfs",
  "overlay",
  "f2fs",
  "bcachefs",
  "ramfs",
]);

/**
 * Whether this kernel alone decides what reaches the file system. Elsewhere (NFS, FUSE clients, cluster file
 * systems) data of a dead process may still be under way, so a release must wait until it was written back.
 */
export function isLocalFsType(fsType: string): boolean {
  return LOCAL_FS_TYPES.has(fsType);
}

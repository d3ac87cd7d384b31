import type { NbdOptions } from "../options.js";

/**
 * ext4 goes read-only after an error rather than on (mount(8), ext4(5)); xfs shuts down by itself (xfs(5)). Barriers are
 * the default of both: a flush reaches the server's disk. xfs would refuse a file system that this kernel has mounted
 * already; what an earlier run may have left here, stuck and fenced, shall not keep the next one from its data.
 */
export function mountOptions({ fsType, mountOptions: more }: Pick<NbdOptions, "fsType" | "mountOptions">): string[] {
  return ["rw", "noatime", fsType === "ext4" ? "errors=remount-ro" : "nouuid", ...more];
}

/**
 * A loop device over a file, mounted, that the kernel takes away with the mount also when everybody dies: detached while
 * it is held open, it gets LO_FLAGS_AUTOCLEAR (loop(4)). `mount -o loop` does that, too, but first looks at the file of
 * every other loop device of the machine, and waits for ever when one of them hangs.
 */
export const LOOP_MOUNT = `
device=$(losetup --find --show "$3") && exec 9<"$device" && losetup --detach "$device" &&
exec mount -t "$1" -o "$2" "$device" "$4"
`;

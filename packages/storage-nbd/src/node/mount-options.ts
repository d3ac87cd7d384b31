import type { NbdOptions } from "../options.js";

/**
 * ext4 goes read-only after an error rather than on (mount(8), ext4(5)); xfs shuts down by itself (xfs(5)). Barriers are
 * the default of both: a flush reaches the server's disk.
 */
export function mountOptions(
  { fsType, mountOptions: more }: Pick<NbdOptions, "fsType" | "mountOptions">,
  device: string,
): string[] {
  return [
    "rw",
    ...(device.startsWith("/dev/") ? [] : ["loop"]),
    "noatime",
    ...(fsType === "ext4" ? ["errors=remount-ro"] : []),
    ...more,
  ];
}

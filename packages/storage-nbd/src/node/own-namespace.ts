import type { ClientCommand } from "./client-command.js";

/**
 * A FUSE client that is the last process of its mount namespace takes the namespace's mounts apart while it exits. If the
 * file system on its own device is among them, the kernel flushes that file system before it closes /dev/fuse: the
 * client waits for an answer that only it could give, for ever, and the loop device with it. (Seen on Linux 6.18 after SIGKILL to
 * a whole PID namespace, whose init leaves its mount namespace before it ends the others.) So the client has a mount namespace of its
 * own, into which no file system on a client's device reaches; what it mounts itself comes back by propagation, because the
 * directory is a shared mount.
 */
export function inOwnNamespace({ command, args }: ClientCommand): ClientCommand {
  return {
    command: "unshare",
    args: [
      "--mount",
      "--propagation",
      "unchanged",
      "--",
      "sh",
      "-ceu",
      WITHOUT_VOLUMES,
      "nbd-client",
      command,
      ...args,
    ],
  };
}

/** Constant, and every word a parameter. Mounts that were shared beforehand are left alone: they would go everywhere. */
const WITHOUT_VOLUMES = `
while read -r _ _ device _ place _ rest; do
  case $device in 7:*) ;; *) continue ;; esac
  case $rest in *shared:*) continue ;; esac
  read -r below < "/sys/dev/block/$device/loop/backing_file" || continue
  case $below in */disk) umount --lazy --no-canonicalize "$(printf %b "$place")" ;; esac
done < /proc/self/mountinfo
exec "$@"
`;

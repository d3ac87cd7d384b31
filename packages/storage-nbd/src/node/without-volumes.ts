import type { ClientCommand } from "./client-command.js";

/**
 * A FUSE client has mounts of its own (`servesMounts`), so that it is never the last user of the file system that lies on
 * its device. They begin as a copy of ours, with the volumes of other roles among them: those are left out, or their
 * unmounting here would not end them there.
 */
export function withoutVolumes({ command, args }: ClientCommand): ClientCommand {
  return { command: "sh", args: ["-ceu", SCRIPT, "nbd-client", command, ...args] };
}

/**
 * Constant, and every word a parameter; the program takes the shell's place. A mount that is shared is left alone: it would
 * go everywhere.
 */
const SCRIPT = `
while read -r _ _ device _ place _ rest; do
  case $device in 7:*) ;; *) continue ;; esac
  case $rest in *shared:*) continue ;; esac
  read -r below < "/sys/dev/block/$device/loop/backing_file" || continue
  case $below in */disk) umount --lazy --no-canonicalize "$(printf %b "$place")" ;; esac
done < /proc/self/mountinfo
exec "$@"
`;

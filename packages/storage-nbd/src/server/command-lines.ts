import type { Attachment } from "../answer.js";
import type { ExportedVolume } from "./config.js";

/** Where a volume's files lie. */
export interface ServerFiles {
  readonly pidFile: string;
  readonly configFile: string;
  readonly allowFile: string;
}

export interface ServerLaunch {
  readonly command: string;
  readonly args: readonly string[];
  /** Written before it is started. */
  readonly files: Readonly<Record<string, string>>;
}

export interface LaunchOptions {
  /** Address that may connect, as the server's own filter understands it; null when it has no filter that works. */
  readonly allow: string | null;
}

/**
 * How each server is started: one export under one name, one client at a time, in the background. Each returns only
 * when it has forked; what it forked is found by its environment and not by a pid file, because a crash may lose that.
 */
export function serverLaunch(
  volume: ExportedVolume,
  attachment: Attachment,
  files: ServerFiles,
  { allow }: LaunchOptions,
): ServerLaunch {
  const { image, listen, port } = volume;
  switch (volume.server) {
    case "nbdkit":
      return {
        command: "nbdkit",
        args: [
          ...["--ipaddr", listen, "--port", String(port), "--pidfile", files.pidFile],
          ...(allow === null ? [] : ["--filter=ip"]),
          ...["--filter=limit", "--filter=exportname", "file", image],
          ...["limit=1", `exportname=${attachment.export}`, "exportname-strict=true"],
          ...(allow === null ? [] : [`allow=${allow}`, "deny=all"]),
        ],
        files: {},
      };
    case "nbd-server":
      return {
        command: "nbd-server",
        args: ["-C", files.configFile, "-p", files.pidFile],
        files: {
          [files.configFile]: nbdServerConfig(volume, attachment, files),
          [files.allowFile]: allow === null ? "" : `${allow}\n`,
        },
      };
    case "qemu-nbd":
      return {
        command: "qemu-nbd",
        args: [
          ...["--fork", "--persistent", `--pid-file=${files.pidFile}`, `--bind=${listen}`, `--port=${port}`],
          ...[`--export-name=${attachment.export}`, "--shared=1", "--format=raw", "--cache=writeback"],
          ...["--discard=unmap", image],
        ],
        files: {},
      };
    default:
      return volume.server satisfies never;
  }
}

/** Without `flush` nbd-server offers no flush at all, and a client's fsync would promise nothing. */
function nbdServerConfig(volume: ExportedVolume, attachment: Attachment, files: ServerFiles): string {
  return [
    "[generic]",
    `listenaddr = ${volume.listen}`,
    `port = ${volume.port}`,
    "allowlist = true",
    `[${attachment.export}]`,
    `exportname = ${volume.image}`,
    `authfile = ${files.allowFile}`,
    "maxconnections = 1",
    "flush = true",
    "fua = true",
    "trim = true",
    "",
  ].join("\n");
}

import type { ErrorCode, MountEntry } from "@holdfast/core";
import type { ClientCommand, ClientPlace, DriverVolume, PeerFilter } from "../driver.js";
import type { GlusterfsOptions } from "./options.js";

/** glusterfs(8). `-N` keeps it in the foreground, so that the storage tree owns it. */
export function clientCommand({ options }: DriverVolume<GlusterfsOptions>, place: ClientPlace): ClientCommand {
  const args = [
    "-N",
    ...options.servers.map((server) => `--volfile-server=${server}`),
    `--volfile-server-port=${options.serverPort}`,
    `--volfile-id=${options.volume}`,
    ...(options.subdirectory === undefined ? [] : [`--subdir-mount=${options.subdirectory}`]),
    "--process-name=fuse",
    `--log-level=${options.logLevel}`,
    "--log-file=/dev/stderr",
    // A close that returned has written back, and an O_DIRECT write that returned is at the servers; both are off by default.
    "--xlator-option=*-write-behind.flush-behind=off",
    "--xlator-option=*-write-behind.strict-O_DIRECT=on",
    ...(options.directIo === "auto" ? [] : [`--direct-io-mode=${options.directIo === "on" ? "enable" : "disable"}`]),
    ...(options.secureManagement ? ["--secure-mgmt=yes"] : []),
    place.mountPath,
  ];
  return { kind: "daemon", program: "glusterfs", args };
}

export function isClient({ options, mountPath }: DriverVolume<GlusterfsOptions>, argv: readonly string[]): boolean {
  const program = argv[0]?.split("/").at(-1);
  return program === "glusterfs" && argv.includes(`--volfile-id=${options.volume}`) && argv.at(-1) === mountPath;
}

/** The source reads `server:volume` or `server:volume/subdirectory`, with or without a slash before the volume. */
export function isMountOf(options: GlusterfsOptions, mount: MountEntry): boolean {
  if (mount.fsType !== "fuse.glusterfs") return false;
  const what = mount.source.slice(mount.source.indexOf(":") + 1).replace(/^\//, "");
  return what === `${options.volume}${options.subdirectory ?? ""}`;
}

export function peers({ servers, serverPort, brickPorts }: GlusterfsOptions): PeerFilter[] {
  return [{ addresses: servers, ports: [[serverPort, serverPort], brickPorts] }];
}

/** In the words of the client of 10.3 (glusterfsd-mgmt.c, client-handshake.c). */
export function explainEnd(output: string): { code: ErrorCode; hint: string } | undefined {
  if (/authentication failed/i.test(output)) {
    return {
      code: "DENIED",
      hint: "The bricks refuse this agent: it was fenced (auth.reject), or auth.allow leaves it out.",
    };
  }
  if (/exhausted all volfile servers|failed to connect/i.test(output)) {
    return { code: "BUSY", hint: "No server answers; see whether glusterd runs and is reachable from this agent." };
  }
  if (/failed to (get|fetch) the '?volume file/i.test(output) || /failed to fetch volume file/i.test(output)) {
    return { code: "NOT_FOUND", hint: "The servers know no such volume, or no such subdirectory." };
  }
  return undefined;
}

import type { ErrorCode, MountEntry } from "@holdfast/core";
import type { ClientCommand, ClientPlace, DriverVolume, PeerFilter } from "../driver.js";
import type { CephFsOptions } from "./options.js";

const MONITOR_PORTS = [
  [3_300, 3_300],
  [6_789, 6_789],
] as const;

/** ceph-fuse(8). `-f` keeps it in the foreground, so that the storage tree owns it. */
export function clientCommand({ options }: DriverVolume<CephFsOptions>, place: ClientPlace): ClientCommand {
  const settings = {
    client_fs: options.fileSystem,
    // A client that was shut out stays out: with true it would come back as a new one, and write through what was open.
    client_reconnect_stale: "false",
    // One that is about to serve, after a restart, is waited for; so is none at all, until the time-out.
    fuse_require_active_mds: "false",
    client_mount_timeout: String(Math.ceil(options.mountTimeoutMs / 1_000)),
    log_file: "/dev/null",
    log_to_stderr: "true",
    admin_socket: "",
    ...options.clientSettings,
  };
  return {
    kind: "daemon",
    program: "ceph-fuse",
    args: [
      ...["-f", "-c", options.configFile, "-m", options.servers.join(","), "--id", options.user],
      ...(options.keyringFile === undefined ? [] : ["-k", options.keyringFile]),
      ...["-r", options.path],
      ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
      place.mountPath,
    ],
  };
}

export function isClient({ options, mountPath }: DriverVolume<CephFsOptions>, argv: readonly string[]): boolean {
  const program = argv[0]?.split("/").at(-1);
  return program === "ceph-fuse" && argv.includes(options.path) && argv.at(-1) === mountPath;
}

/** The source is `ceph-fuse`, whatever is mounted. */
export function isMountOf(_options: CephFsOptions, mount: MountEntry): boolean {
  return mount.fsType === "fuse.ceph-fuse";
}

/** Daemons are known to the monitors alone, so any address counts on their ports. */
export function peers({ osdPorts }: CephFsOptions): PeerFilter[] {
  return [{ addresses: [], ports: [...MONITOR_PORTS, osdPorts] }];
}

/** What ceph-fuse says when it ends instead of mounting. */
export function explainEnd(output: string): { readonly code: ErrorCode; readonly hint: string } | undefined {
  if (/\(108\)|blocklisted|\(13\) Permission denied|\(1\) Operation not permitted/i.test(output)) {
    return { code: "DENIED", hint: "The cluster refuses this agent: see `ceph osd blocklist ls` and the user's caps." };
  }
  if (/\(110\)|timed out|\(111\)|\(113\)|no MDS server is up/i.test(output)) {
    return {
      code: "BUSY",
      hint: "The cluster does not answer, or no metadata server serves: see `ceph -s`, and whether it is reachable from this agent.",
    };
  }
  return undefined;
}

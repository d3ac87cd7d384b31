import type { ErrorCode, MountEntry } from "@holdfast/core";
import type { ClientCommand, ClientPlace, DriverVolume, PeerFilter } from "../driver.js";
import type { MooseFsOptions } from "./options.js";

/** mfsmount(8). `-f` keeps it in the foreground, so that the storage tree owns it. */
export function clientCommand({ options }: DriverVolume<MooseFsOptions>, place: ClientPlace): ClientCommand {
  const settings = [
    `mfsioretries=${options.ioRetries}`,
    `mfstimeout=${options.ioTimeoutSeconds}`,
    `mfscachemode=${options.cacheMode}`,
    `mfswritecachesize=${options.writeCacheMiB}`,
    // A full disk is an error at once, and not after all retries. (Not so a lost chunk: while chunk servers come back, all are lost.)
    "mfserroronnospace",
    // The next client's directory is never this one's memory of it.
    "mfsdirentrycacheto=0",
  ];
  const args = (server: string) => [
    ...["-f", "-H", server, "-P", String(options.masterPort), "-S", options.path],
    ...["-o", settings.join(","), place.mountPath],
  ];
  // mfsmount takes one master; the others are its successors by hand (a metalogger's data, another address).
  const [first = "", ...others] = options.servers;
  return { kind: "daemon", program: "mfsmount", args: args(first), alternatives: others.map(args) };
}

/** As soon as it is mounted, mfsmount calls itself so. */
export function processTitle({ mountPath }: Pick<DriverVolume<MooseFsOptions>, "mountPath">): string {
  return `mfsmount (mounted on: ${mountPath})`;
}

export function isClient(volume: DriverVolume<MooseFsOptions>, argv: readonly string[]): boolean {
  if (argv[0] === processTitle(volume)) return true;
  const words = argv.filter((word) => word !== "");
  const program = words[0]?.split("/").at(-1);
  return program === "mfsmount" && words.includes(volume.options.path) && words.at(-1) === volume.mountPath;
}

/** The source is `mfs#ADDRESS:PORT`: it names the master, not the directory. */
export function isMountOf(options: MooseFsOptions, mount: MountEntry): boolean {
  const fuse = mount.fsType === "fuse" || mount.fsType === "fuse.mfs";
  return fuse && mount.source.startsWith("mfs#") && mount.source.endsWith(`:${options.masterPort}`);
}

/** Chunk servers are known to the master alone, so any address counts on their port. */
export function peers({ servers, masterPort, chunkServerPort }: MooseFsOptions): PeerFilter[] {
  return [
    { addresses: servers, ports: [[masterPort, masterPort]] },
    { addresses: [], ports: [[chunkServerPort, chunkServerPort]] },
  ];
}

/** What mfsmount says when it ends instead of mounting. */
export function explainEnd(output: string): { readonly code: ErrorCode; readonly hint: string } | undefined {
  if (/permission denied|operation not permitted/i.test(output)) {
    return { code: "DENIED", hint: "The exports refuse this agent, or this agent was fenced; see mfscli -SEX." };
  }
  if (/can't (connect to|resolve) (mfs)?master|incorrect answer|ETIMEDOUT|ECONNREFUSED|EHOSTUNREACH/.test(output)) {
    return { code: "BUSY", hint: "The master does not answer; see whether it runs and is reachable from this agent." };
  }
  return undefined;
}

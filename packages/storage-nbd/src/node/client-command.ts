import type { ClientKind } from "../options.js";

/** One connection to one export, and the block device or file that it appears as. */
export interface ClientTarget {
  readonly address: string;
  readonly port: number;
  readonly export: string;
  /** A file in a directory of its own, or `/dev/nbdN`. */
  readonly device: string;
}

export interface ClientCommand {
  readonly command: string;
  readonly args: readonly string[];
}

export const PROGRAM: Readonly<Record<ClientKind, string>> = {
  kernel: "nbd-client",
  nbdfuse: "nbdfuse",
  qemu: "qemu-storage-daemon",
};

/** The kernel's name of a process (`comm`) has at most 15 characters. */
const COMM_LENGTH_MAX = 15;
export const CLIENT_COMMS: ReadonlySet<string> = new Set(
  Object.values(PROGRAM).map((program) => program.slice(0, COMM_LENGTH_MAX)),
);

/**
 * Each in the foreground, as a daemon of the storage tree: when it dies, so does the connection. The kernel's client too:
 * by ioctl and without forking, the process *is* the connection (the driver shuts its sockets when it gets a signal).
 */
export function clientCommand(kind: ClientKind, target: ClientTarget, reconnectMs: number): ClientCommand {
  const { address, port, device } = target;
  const seconds = Math.max(1, Math.round(reconnectMs / 1_000));
  switch (kind) {
    case "nbdfuse":
      // One connection: servers are told to allow no second one, and nbdfuse would open four.
      return { command: PROGRAM.nbdfuse, args: ["-C", "1", "-o", `fsname=${FUSE_SOURCE}`, device, uriOf(target)] };
    case "kernel":
      return {
        command: PROGRAM.kernel,
        args: [
          ...["-nonetlink", "-nofork", "-timeout", String(seconds), "-name", target.export],
          ...[address, String(port), device],
        ],
      };
    case "qemu":
      return {
        command: PROGRAM.qemu,
        args: [
          "--blockdev",
          `driver=nbd,node-name=n0,server.type=inet,server.host=${address},server.port=${port},export=${target.export},reconnect-delay=${seconds},open-timeout=3`,
          "--export",
          `type=fuse,id=e0,node-name=n0,mountpoint=${device},writable=on`,
        ],
      };
    default:
      return kind satisfies never;
  }
}

/** Source of nbdfuse's mounts in /proc/self/mountinfo. */
export const FUSE_SOURCE = "holdfast-nbd";

function uriOf({ address, port, export: name }: ClientTarget): string {
  return `nbd://${address.includes(":") ? `[${address}]` : address}:${port}/${name}`;
}

/** Reads {@link clientCommand} back; undefined for a command line that is not one of ours. */
export function parseClient(argv: readonly string[]): (ClientTarget & { readonly kind: ClientKind }) | undefined {
  const [program = "", ...args] = argv;
  const name = program.slice(program.lastIndexOf("/") + 1);
  if (name === PROGRAM.nbdfuse) {
    const [uri = "", device = ""] = [args.at(-1), args.at(-2)];
    const match = /^nbd:\/\/(?:\[([^\]]+)\]|([^:/]+)):(\d+)\/(.+)$/.exec(uri);
    if (match === null) return undefined;
    return {
      kind: "nbdfuse",
      address: match[1] ?? match[2] ?? "",
      port: Number(match[3]),
      export: match[4] ?? "",
      device,
    };
  }
  if (name === PROGRAM.kernel) {
    const [device = "", port = "", address = ""] = [args.at(-1), args.at(-2), args.at(-3)];
    const exported = args[args.indexOf("-name") + 1];
    if (!args.includes("-name") || exported === undefined) return undefined;
    return { kind: "kernel", address, port: Number(port), export: exported, device };
  }
  if (name === PROGRAM.qemu) {
    const blockdev = args.find((arg) => arg.startsWith("driver=nbd,"));
    const fuse = args.find((arg) => arg.startsWith("type=fuse,"));
    if (blockdev === undefined || fuse === undefined) return undefined;
    const value = (text: string, key: string) =>
      text
        .split(",")
        .find((part) => part.startsWith(`${key}=`))
        ?.slice(key.length + 1) ?? "";
    return {
      kind: "qemu",
      address: value(blockdev, "server.host"),
      port: Number(value(blockdev, "server.port")),
      export: value(blockdev, "export"),
      device: value(fuse, "mountpoint"),
    };
  }
  return undefined;
}

import { type Grant, HoldfastError, hasCode, type MountEntry, type Op, type Volume } from "@holdfast/core";
import type { NbdContext } from "../context.js";
import type { ClientKind, NbdOptions } from "../options.js";
import { clientCommand, FUSE_SOURCE, PROGRAM } from "./client-command.js";
import { clientsOf, killClients, type RunningClient } from "./clients.js";
import { connectError, isRefusal } from "./connect-error.js";
import { takeOff } from "./mounted.js";
import { withoutVolumes } from "./without-volumes.js";

const SHORT_MS = 5_000;
const KILL_MS = 5_000;
const POLL_MS = 20;
const REFUSED_PAUSE_MS = 200;
const SYS_BYTES_MAX = 4_096;

/** Connects the export as a device. What is there of an earlier one is ended: its tree is gone, or it would hold the slot. */
export async function connect(op: Op, volume: Volume, options: NbdOptions, context: NbdContext): Promise<void> {
  const running = await clientsOf(op, options);
  const current = running.find((client) => client.export === context.export);
  if (current !== undefined && (await answers(op, current.device, options))) return;
  await killClients(op, running, KILL_MS);
  await removeDeadMounts(op, volume);
  const kind = await chooseClient(op, options);
  const device = kind === "kernel" ? await freeKernelDevice(op) : await makeDeviceFile(op, volume, context, kind);
  const { address, port } = options.server;
  const client = clientCommand(kind, { address, port, export: context.export, device }, options.reconnectMs);
  // The kernel's client is no file system, and depends on nothing that is mounted.
  const { command, args } = kind === "kernel" ? client : withoutVolumes(client);
  const untilMs = op.clock.now().monoMs + options.connectTimeoutMs;
  while (true) {
    try {
      await connectOnce(op, volume, options, context, { kind, device, command, args });
      return;
    } catch (error) {
      // A client that was ended just now still counts, until the server has seen its connection close.
      if (!isRefusal(error) || op.clock.now().monoMs + REFUSED_PAUSE_MS >= untilMs) throw error;
      await op.clock.sleep(REFUSED_PAUSE_MS, op.signal);
    }
  }
}

interface Client {
  readonly kind: ClientKind;
  readonly device: string;
  readonly command: string;
  readonly args: readonly string[];
}

async function connectOnce(
  op: Op,
  volume: Volume,
  options: NbdOptions,
  context: NbdContext,
  { kind, device, command, args }: Client,
): Promise<void> {
  const name = `nbd client of ${volume.service}/${volume.role}`;
  // With mounts of its own: in ours it would exit as the last user of the file system that lies on it.
  const daemon = await op.daemon(command, args, { name, servesMounts: kind !== "kernel" });
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const ended = daemon.ended();
    if (ended !== undefined) throw connectError(options, context.export, ended, daemon.output());
    if (await isConnected(op, kind, device)) return;
    if (waitedMs >= options.connectTimeoutMs) {
      await daemon.stop(0);
      throw connectError(options, context.export, `no answer within ${options.connectTimeoutMs} ms`, daemon.output());
    }
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

/** The connected device of the context's export. @throws `NOT_FOUND`. */
export async function connectedDevice(op: Op, options: NbdOptions, context: NbdContext): Promise<RunningClient> {
  const found = (await clientsOf(op, options)).find((client) => client.export === context.export);
  if (found !== undefined) return found;
  throw new HoldfastError("NOT_FOUND", `Nothing here is connected to export ${context.export}.`, {
    hint: "Prepare the volume first; if that was done, its client has died.",
  });
}

/** By looking: the driver and its program, else user space. */
async function chooseClient(op: Op, { client }: NbdOptions): Promise<ClientKind> {
  if (client !== "auto") return client;
  if ((await op.files.list("/sys/block/nbd0")) === undefined) return "nbdfuse";
  try {
    await op.exec(PROGRAM.kernel, ["-V"], { timeoutMs: SHORT_MS, okExitCodes: [0, 1] });
    return "kernel";
  } catch (error) {
    if (hasCode(error, "NOT_FOUND")) return "nbdfuse";
    throw error;
  }
}

/** A device that is in use has a `pid`. */
async function freeKernelDevice(op: Op): Promise<string> {
  const names = ((await op.files.list("/sys/block")) ?? []).filter((name) => /^nbd\d+$/.test(name));
  for (const name of names) {
    if ((await op.files.read(`/sys/block/${name}/pid`, { bytesMax: SYS_BYTES_MAX })) === undefined)
      return `/dev/${name}`;
  }
  throw new HoldfastError("NO_CAPACITY", `All ${names.length} network block devices of this kernel are in use.`, {
    hint: "Load the driver with a larger nbds_max, or use client: nbdfuse.",
  });
}

/** Where a client's file appears: one directory per role and export, so that the path says what it is. */
async function makeDeviceFile(op: Op, volume: Volume, context: NbdContext, kind: ClientKind): Promise<string> {
  const directory = `${deviceRoot(op, volume)}/${context.export}`;
  await op.files.makeDirectory(directory, { mode: 0o700 });
  const device = `${directory}/disk`;
  // qemu mounts over a file that is there; nbdfuse over the directory, in which it shows one.
  if (kind === "qemu") await op.files.replace(device, new Uint8Array());
  return device;
}

export function deviceRoot(op: Op, volume: Volume): string {
  return `${op.workDirectory}/nbd-${volume.role}`;
}

/** Mounts that clients of this volume made here. */
export async function clientMounts(op: Op, volume: Volume): Promise<MountEntry[]> {
  const root = `${deviceRoot(op, volume)}/`;
  return (await op.mounts()).filter(
    ({ mountPoint, fsType, source }) =>
      mountPoint.startsWith(root) && (fsType.startsWith("fuse") || source === FUSE_SOURCE),
  );
}

/** Of clients that have died: nothing answers there any more, so they are only taken out of the way. */
async function removeDeadMounts(op: Op, volume: Volume): Promise<void> {
  for (const { mountPoint } of await clientMounts(op, volume)) {
    await takeOff(op, mountPoint, { lazy: true, busyMs: 0 });
  }
}

async function isConnected(op: Op, kind: ClientKind, device: string): Promise<boolean> {
  if (kind === "kernel") {
    return (
      (await op.files.read(`/sys/block/${device.slice("/dev/".length)}/pid`, { bytesMax: SYS_BYTES_MAX })) !== undefined
    );
  }
  const mountPoint = kind === "qemu" ? device : device.slice(0, device.lastIndexOf("/"));
  if (!(await op.mounts()).some((mount) => mount.mountPoint === mountPoint)) return false;
  return (await sizeOf(op, device)) !== null;
}

/**
 * Reads a block from the server. A client may outlive its connection, and then still knows the device's size.
 * @throws `UNKNOWN_OUTCOME` when the server does not answer.
 */
async function answers(op: Op, device: string, { connectTimeoutMs }: NbdOptions): Promise<boolean> {
  try {
    const args = [`if=${device}`, "of=/dev/null", "bs=4096", "count=1", "iflag=direct", "status=none"];
    await op.exec("dd", args, { timeoutMs: connectTimeoutMs });
    return true;
  } catch (error) {
    if (hasCode(error, "INTERNAL")) return false;
    throw error;
  }
}

/** Null when it does not answer. */
export async function sizeOf(op: Op, device: string): Promise<number | null> {
  try {
    const command = device.startsWith("/dev/")
      ? (["blockdev", ["--getsize64", device]] as const)
      : (["stat", ["--format=%s", device]] as const);
    const { stdout } = await op.exec(command[0], command[1], { timeoutMs: SHORT_MS });
    const size = Number(stdout.trim());
    return Number.isSafeInteger(size) && size > 0 ? size : null;
  } catch (error) {
    // Not there, or its client has died. A hang is no answer.
    if (hasCode(error, "INTERNAL")) return null;
    throw error;
  }
}

/** @throws `STALE_EPOCH` when the grant was lost meanwhile. */
export function refuseLostGrant(grant: Grant): void {
  if (!grant.signal.aborted) return;
  throw new HoldfastError("STALE_EPOCH", `The grant of epoch ${grant.epoch} has ended.`, {
    hint: "Stop; nothing is started under it any more.",
  });
}

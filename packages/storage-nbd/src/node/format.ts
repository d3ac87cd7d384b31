import { createHash } from "node:crypto";
import { type Grant, HoldfastError, type Op, type Volume } from "@holdfast/core";
import { personCommands } from "../commands.js";
import type { NbdContext } from "../context.js";
import type { NbdOptions } from "../options.js";
import { isZero } from "./check.js";
import { connectedDevice, refuseLostGrant } from "./device.js";

const SHORT_MS = 30_000;
const MAKE_MS = 600_000;
/** Read whole up to here: a minute or so. Beyond, the beginning, the end and samples. */
const WHOLE_BYTES_MAX = 16 * 1024 ** 3;

/**
 * The UUID says which grant made it, so that the same call again finds its own work; a file system that anybody else
 * made, or that was used since, is refused.
 */
export async function format(
  op: Op,
  volume: Volume,
  options: NbdOptions,
  context: NbdContext,
  grant: Grant,
): Promise<void> {
  const { device } = await connectedDevice(op, options, context);
  const uuid = formatUuid(volume, grant);
  if ((await uuidOf(op, device)) === uuid && (await isUnused(op, options, device))) return;
  if (!(await isZero(op, device, WHOLE_BYTES_MAX, options.checkTimeoutMs))) {
    throw new HoldfastError("INCOMPATIBLE", `Volume ${options.volume} is not blank; it is not formatted.`, {
      hint: `See what is on it: ${personCommands(options).look}. A new volume needs a new image.`,
    });
  }
  refuseLostGrant(grant);
  op.progress(0, null, `mkfs.${options.fsType}`);
  const [command, ...args] = formatCommand(options.fsType, uuid, device);
  await op.exec(command, args, { timeoutMs: MAKE_MS });
}

/** Pure. The device is new and reads as zeros, so nothing is discarded first. */
export function formatCommand(fsType: NbdOptions["fsType"], uuid: string, device: string): [string, ...string[]] {
  return fsType === "ext4"
    ? ["mkfs.ext4", "-q", "-F", "-U", uuid, "-E", "nodiscard", device]
    : ["mkfs.xfs", "-q", "-K", "-m", `uuid=${uuid}`, device];
}

/** Version 8 of RFC 9562: ours to define. */
export function formatUuid({ service, role }: Volume, { run, epoch }: Grant): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([service, role, run, String(epoch)]))
    .digest("hex");
  const variant = ((Number.parseInt(hash.slice(16, 17), 16) & 3) | 8).toString(16);
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    variant + hash.slice(17, 20),
    hash.slice(20, 32),
  ].join("-");
}

async function isUnused(op: Op, { fsType }: NbdOptions, device: string): Promise<boolean> {
  const [command, ...args] = unusedCommand(fsType, device);
  const { stdout } = await op.exec(command, args, { timeoutMs: SHORT_MS });
  return looksUnused(fsType, stdout);
}

function unusedCommand(fsType: NbdOptions["fsType"], device: string): [string, ...string[]] {
  return fsType === "ext4"
    ? ["dumpe2fs", "-h", device]
    : ["xfs_db", "-r", ...(device.startsWith("/dev/") ? [] : ["-f"]), "-c", "sb 0", "-c", "print icount ifree", device];
}

/** Pure. ext4 notes its first mount; xfs does not, but begins with one chunk of 64 inodes, three of them in use. */
export function looksUnused(fsType: NbdOptions["fsType"], text: string): boolean {
  return fsType === "ext4" ? /^Last mount time:\s+n\/a$/m.test(text) : /^icount = 64\nifree = 61$/m.test(text);
}

async function uuidOf(op: Op, device: string): Promise<string | undefined> {
  const { stdout } = await op.exec("blkid", ["--probe", "--output", "export", device], {
    timeoutMs: SHORT_MS,
    okExitCodes: [0, 2, 8],
  });
  return /^UUID=(.+)$/m.exec(stdout)?.[1];
}

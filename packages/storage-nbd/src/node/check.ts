import type { CheckResult, Op, Volume } from "@holdfast/core";
import { personCommands } from "../commands.js";
import type { NbdContext } from "../context.js";
import type { NbdOptions } from "../options.js";
import { connectedDevice, sizeOf } from "./device.js";
import {
  blankRanges,
  type DeviceFacts,
  type ExitFacts,
  judgeDevice,
  parseBlkid,
  parseDumpe2fs,
  parseLogState,
} from "./file-systems.js";
import { deviceBelow, mountAt } from "./mounted.js";

const SHORT_MS = 30_000;
/** A file system's own structures begin far before this; a device that is zero up to here is not a damaged one. */
const HEAD_BYTES = 64 * 1024 * 1024;

/** Read-only. */
export async function check(op: Op, volume: Volume, options: NbdOptions, context: NbdContext): Promise<CheckResult> {
  const { device } = await connectedDevice(op, options, context);
  const mounted = await mountAt(op, volume.mountPath);
  if (mounted !== undefined && (await deviceBelow(op, mounted)) === device) {
    return {
      state: "clean",
      safeToRepair: true,
      findings: ["MOUNTED: it is mounted, so it was not read."],
      command: null,
    };
  }
  return judgeDevice(options.fsType, await lookAtDevice(op, options, device), personCommands(options));
}

async function lookAtDevice(op: Op, options: NbdOptions, device: string): Promise<DeviceFacts> {
  const type = await typeOf(op, device);
  if (type === null) return { kind: (await isZero(op, device, HEAD_BYTES)) ? "blank" : "unrecognised" };
  if (type !== options.fsType) return { kind: "other", type };
  return type === "ext4" ? ext4Facts(op, options, device) : xfsFacts(op, options, device);
}

async function typeOf(op: Op, device: string): Promise<string | null> {
  // 2: nothing found; 8: more than one thing found, which is none that may be mounted.
  const { stdout } = await op.exec("blkid", ["--probe", "--output", "export", device], {
    timeoutMs: SHORT_MS,
    okExitCodes: [0, 2, 8],
  });
  return parseBlkid(stdout);
}

async function ext4Facts(op: Op, options: NbdOptions, device: string): Promise<DeviceFacts> {
  const { stdout } = await op.exec("dumpe2fs", ["-h", device], { timeoutMs: SHORT_MS, okExitCodes: [0, 1] });
  const superblock = parseDumpe2fs(stdout);
  // With a journal that was not replayed e2fsck -n sees the file system as it never was on any disk.
  if (superblock === null || superblock.needsRecovery) return { kind: "ext4", superblock, check: null };
  const args = options.check === "full" ? ["-n", "-f", device] : ["-n", device];
  return { kind: "ext4", superblock, check: await ask(op, "e2fsck", args, options.checkTimeoutMs) };
}

async function xfsFacts(op: Op, options: NbdOptions, device: string): Promise<DeviceFacts> {
  const printed = await ask(op, "xfs_logprint", ["-t", device], SHORT_MS);
  const log = parseLogState(printed.output);
  if (log !== "clean" || options.check === "quick") return { kind: "xfs", log, check: null };
  return {
    kind: "xfs",
    log,
    check: await ask(op, "xfs_repair", ["-n", ...asFile(device), device], options.checkTimeoutMs),
  };
}

/** xfs_repair wants to be told that it is no device. */
export function asFile(device: string): string[] {
  return device.startsWith("/dev/") ? [] : ["-f"];
}

const ANY_EXIT = Array.from({ length: 128 }, (_, code) => code);

/** A checker's exit code is its answer. */
async function ask(op: Op, command: string, args: readonly string[], timeoutMs: number): Promise<ExitFacts> {
  const { exitCode, stdout, stderr } = await op.exec(command, args, { timeoutMs, okExitCodes: ANY_EXIT });
  return { exitCode, output: `${stdout}\n${stderr}` };
}

/** Whether nothing but zeros was ever written, as far as `wholeBytesMax` and samples beyond tell. */
export async function isZero(op: Op, device: string, wholeBytesMax: number, timeoutMs = SHORT_MS): Promise<boolean> {
  const size = await sizeOf(op, device);
  if (size === null) return false;
  const ranges = blankRanges(size, wholeBytesMax);
  for (const [index, { offset, bytes }] of ranges.entries()) {
    op.progress(index, ranges.length, "reading the device");
    const args = ["--quiet", `--bytes=${bytes}`, `--ignore-initial=${offset}:0`, device, "/dev/zero"];
    const { exitCode } = await op.exec("cmp", args, { timeoutMs, okExitCodes: [0, 1] });
    if (exitCode !== 0) return false;
  }
  return true;
}

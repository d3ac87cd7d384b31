import { type CheckResult, type Grant, HoldfastError, type Op, type Volume } from "@holdfast/core";
import { personCommands } from "../commands.js";
import type { NbdContext } from "../context.js";
import type { NbdOptions } from "../options.js";
import { asFile, check } from "./check.js";
import { connectedDevice, deviceRoot, refuseLostGrant } from "./device.js";
import { type ExitFacts, parseFsckProgress } from "./file-systems.js";
import { longRun } from "./long-run.js";
import { mountDevice } from "./mount.js";

const REPLAY_MS = 60_000;
/** e2fsck(8): 1 corrected, 2 corrected and reboot (of a mounted root); from 4 on something is left. */
const E2FSCK_LEFT = 4;
const XFS_DIRTY_LOG = 2;

/** Its own step. `safe`: preen or replay. `force`: everything the checker would do, after a person's word. */
export async function repair(
  op: Op,
  volume: Volume,
  options: NbdOptions,
  context: NbdContext,
  grant: Grant,
  how: "safe" | "force",
): Promise<CheckResult> {
  const before = await check(op, volume, options, context);
  if (before.state === "clean") return before;
  if (how === "safe" && !before.safeToRepair) throw needsRepair(options, before.findings.join(" "), before.command);
  refuseLostGrant(grant);
  const { device } = await connectedDevice(op, options, context);
  if (options.fsType === "ext4") await repairExt4(op, options, device, how);
  else await repairXfs(op, volume, options, device, how);
  const after = await check(op, volume, options, context);
  if (after.state === "clean") return { ...after, findings: [...before.findings, "REPAIRED"] };
  throw needsRepair(options, after.findings.join(" "), after.command);
}

async function repairExt4(op: Op, options: NbdOptions, device: string, how: "safe" | "force"): Promise<void> {
  const flags = how === "safe" ? ["-p"] : ["-f", "-y"];
  const done = await longRun(op, "e2fsck", [...flags, "-C", "1", device], {
    name: "e2fsck",
    timeoutMs: options.repairTimeoutMs,
    onOutput: (output) => {
      const seen = parseFsckProgress(output);
      if (seen !== null) op.progress(seen.done, seen.total, `e2fsck, pass ${seen.pass} of 5`);
    },
  });
  if (done.exitCode < E2FSCK_LEFT) return;
  throw needsRepair(options, said("e2fsck", done), personCommands(options).force);
}

/** A log is replayed by mounting, and by nothing else; xfs_repair would throw it away. */
async function repairXfs(
  op: Op,
  volume: Volume,
  options: NbdOptions,
  device: string,
  how: "safe" | "force",
): Promise<void> {
  try {
    op.progress(0, null, "replaying the log");
    await replayXfs(op, volume, options, device);
    if (how === "safe") return;
  } catch (error) {
    if (how === "safe") throw error;
  }
  const run = (...flags: string[]) =>
    longRun(op, "xfs_repair", [...flags, ...asFile(device), device], {
      name: "xfs_repair",
      timeoutMs: options.repairTimeoutMs,
      onOutput: (output) => {
        const phase = [...output.matchAll(/^Phase (\d)/gm)].at(-1)?.[1];
        if (phase !== undefined) op.progress(Number(phase), 7, "xfs_repair");
      },
    });
  let done = await run();
  if (done.exitCode === XFS_DIRTY_LOG) done = await run("-L");
  if (done.exitCode !== 0) throw needsRepair(options, said("xfs_repair", done), personCommands(options).force);
}

async function replayXfs(op: Op, volume: Volume, options: NbdOptions, device: string): Promise<void> {
  const place = `${deviceRoot(op, volume)}/replay`;
  await op.files.makeDirectory(place, { mode: 0o700 });
  await mountDevice(op, options, device, place);
  await op.exec("umount", ["--no-canonicalize", place], { timeoutMs: REPLAY_MS });
}

function said(command: string, { exitCode, output }: ExitFacts): string {
  return `${command} ended with ${exitCode}: ${output.trim().slice(-300)}`;
}

export function needsRepair(options: NbdOptions, why: string, command: string | null): HoldfastError {
  const next = command ?? personCommands(options).force;
  return new HoldfastError("NEEDS_REPAIR", `Volume ${options.volume} needs a person's decision: ${why}`, {
    hint: `Keep a copy of the image first. Then, while it is not attached: ${next}`,
    detail: { command: next },
  });
}

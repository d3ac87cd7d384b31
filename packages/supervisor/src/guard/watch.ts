import type { MountEntry } from "@holdfast/core";
import { type ChildOutcome, compareMount, interpretProbe } from "@holdfast/effects";
import { MOUNT_CHECK_MS } from "./config.js";
import { startStep } from "./steps.js";
import { fail } from "./stop.js";
import { inPhase, isEnding, type Turn } from "./turn.js";

/**
 * The volume while the application runs. The mount table is read here, because it never blocks; everything that
 * touches the file system is a step with a limit. What goes wrong ends the application at once: a clean stop would
 * write to what is not there.
 */
export function watchVolume(turn: Turn): void {
  const { config } = turn.state;
  // What is only being prepared carries no mark yet, and a probe lies beside it.
  if (config.volume === null || config.storage?.initialise === true) return;
  turn.arm("mounts", MOUNT_CHECK_MS);
  turn.arm("probe", config.volume.checkMs);
}

/** A replica has no deadline, so nothing can be run for it under one; its mount is watched all the same. */
export function watchMount(turn: Turn): void {
  if (turn.state.config.volume !== null) turn.arm("mounts", MOUNT_CHECK_MS);
}

export function onMountsTimer(turn: Turn): void {
  turn.emit({ type: "look-at-mounts" });
  turn.arm("mounts", MOUNT_CHECK_MS);
}

export function onMountsSeen(turn: Turn, mounts: readonly MountEntry[]): void {
  const { watched } = turn.state.volume;
  if (watched === null || isEnding(turn.state) || inPhase(turn.state, "stopping")) return;
  const problem = compareMount(watched, mounts);
  if (problem !== null) fail(turn, problem, "kill");
}

export function onProbeTimer(turn: Turn): void {
  const { config, tools, step } = turn.state;
  if (config.volume === null || !inPhase(turn.state, "running")) return;
  if (step !== null) return turn.arm("probe", config.volume.checkMs);
  startStep(turn, "probe", [...tools.write, config.volume.path], config.volume.timeoutMs);
}

export function onProbed(turn: Turn, outcome: ChildOutcome, output: string): void {
  const { config, volume } = turn.state;
  if (config.volume === null || !inPhase(turn.state, "running")) return;
  const result = interpretProbe(config.volume.path, outcome, output);
  if (result.kind === "problem") return fail(turn, result.problem, "kill");
  const full = result.kind === "full";
  if (full && !volume.full) turn.log("warn", result.problem.message, { hint: result.problem.hint });
  turn.set({ volume: { ...volume, full, checkedAtMs: turn.nowMs } });
  turn.arm("probe", config.volume.checkMs);
}

import { type CheckResult, HoldfastError, hasCode, type Op } from "@holdfast/core";
import type { DriverVolume } from "../driver.js";
import { gluster, needVolume } from "./cli.js";
import { type Health, judgeHealth } from "./health.js";
import type { GlusterfsOptions } from "./options.js";
import { parseBrickStates, parseHeal, type VolumeInfo } from "./xml.js";

/** A takeover waits for this, so it is shorter than other administration. */
const CHECK_MS_MAX = 10_000;

/** @throws `BUSY` when a set has lost its quorum: bricks come back, and nothing is damaged by waiting. */
export async function check(op: Op, { options }: DriverVolume<GlusterfsOptions>): Promise<CheckResult> {
  if (options.control.length === 0) return unchecked("no administration target is configured");
  const bounded = { ...options, controlTimeoutMs: Math.min(options.controlTimeoutMs, CHECK_MS_MAX) };
  let seen: SeenHealth;
  try {
    seen = await readHealth(op, bounded);
  } catch (error) {
    // Health is worth knowing and no condition: quorum and the probe of `verify` decide by themselves.
    if (!hasCode(error, "UNKNOWN_OUTCOME", "BUSY", "DENIED", "INTERNAL")) throw error;
    return unchecked((error as Error).message);
  }
  const { info, health, unseen } = seen;
  if (health.lostQuorum.length > 0) {
    throw new HoldfastError("BUSY", `The volume cannot be written to: ${health.lostQuorum.join("; ")}.`, {
      hint: "Bring bricks back: gluster volume status, gluster volume start VOLUME force.",
      retryable: true,
      detail: { offline: health.offline },
    });
  }
  if (health.splitBrain.length > 0) {
    return {
      state: "damaged",
      safeToRepair: false,
      findings: health.splitBrain.map((entry) => `split-brain: ${entry}`),
      command: `gluster volume heal ${options.volume} split-brain latest-mtime FILE, for each: gluster volume heal ${options.volume} info split-brain`,
    };
  }
  if (info.options.get("features.read-only") === "on") {
    return {
      state: "damaged",
      safeToRepair: false,
      findings: ["the volume is read-only (features.read-only)"],
      command: `gluster volume reset ${options.volume} features.read-only`,
    };
  }
  const findings = health.offline.map((brick) => `brick ${brick} is down; the volume goes on without it`);
  if (unseen !== undefined) findings.push(`split-brain was not looked at: ${unseen}`);
  return { state: "clean", safeToRepair: false, findings, command: null };
}

export interface SeenHealth {
  readonly info: VolumeInfo;
  readonly health: Health;
  /** Why split-brain could not be asked for; undefined when it was. */
  readonly unseen: string | undefined;
}

/** @throws `NOT_FOUND`, and whatever administration may answer. */
export async function readHealth(op: Op, options: GlusterfsOptions): Promise<SeenHealth> {
  const info = await needVolume(op, options);
  const states = parseBrickStates(await gluster(op, options, ["volume", "status", options.volume]));
  const health = judgeHealth(info, states, [], options.subdirectory);
  // Split-brain is asked for through a client of its own, which without a quorum waits and learns nothing.
  if (info.replicas === 1 || health.lostQuorum.length > 0) return { info, health, unseen: undefined };
  try {
    const heal = parseHeal(await gluster(op, options, ["volume", "heal", options.volume, "info", "split-brain"]));
    return { info, health: judgeHealth(info, states, heal, options.subdirectory), unseen: undefined };
  } catch (error) {
    if (!hasCode(error, "UNKNOWN_OUTCOME", "BUSY", "INTERNAL")) throw error;
    return { info, health, unseen: (error as Error).message };
  }
}

function unchecked(why: string): CheckResult {
  const findings = [`bricks and split-brain were not looked at: ${why}`];
  return { state: "clean", safeToRepair: false, findings, command: null };
}

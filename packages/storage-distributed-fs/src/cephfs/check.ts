import { type CheckResult, HoldfastError, hasCode, type Op } from "@holdfast/core";
import * as z from "zod";
import type { DriverVolume } from "../driver.js";
import { ceph } from "./cluster.js";
import type { CephFsOptions } from "./options.js";

/** A takeover waits for this, so it is shorter than other administration. */
const CHECK_MS_MAX = 10_000;

const healthSchema = z.looseObject({
  checks: z.record(z.string(), z.looseObject({ summary: z.looseObject({ message: z.string() }) })),
});

/** Health checks of Ceph by what they mean for a file system. */
const DOWN = ["MDS_ALL_DOWN", "FS_DEGRADED", "FS_WITH_FAILED_MDS"];
const DAMAGED = ["MDS_READ_ONLY", "MDS_DAMAGE", "PG_DAMAGED", "OBJECT_UNFOUND"];

/** Ceph has no split-brain: without a majority of the monitors, or enough copies of a placement group, it stops. */
export async function check(op: Op, { options }: DriverVolume<CephFsOptions>): Promise<CheckResult> {
  if (options.control.length === 0) return unchecked("no administration target is configured");
  const bounded = { ...options, controlTimeoutMs: Math.min(options.controlTimeoutMs, CHECK_MS_MAX) };
  let text: string;
  try {
    text = await ceph(op, bounded, "health", "-f", "json");
  } catch (error) {
    // Health is worth knowing and no condition: the mount and the probe of `verify` decide by themselves.
    if (!hasCode(error, "UNKNOWN_OUTCOME", "BUSY", "DENIED")) throw error;
    return unchecked((error as Error).message);
  }
  return judgeHealth(text);
}

/** Pure. @throws `BUSY`: no metadata server is active; that passes. */
export function judgeHealth(text: string): CheckResult {
  const checks = Object.entries(healthSchema.parse(JSON.parse(text)).checks);
  const lines = checks.map(([code, { summary }]) => `${code}: ${summary.message}`);
  const has = (codes: readonly string[]) => checks.some(([code]) => codes.includes(code));
  if (has(DAMAGED)) {
    return { state: "damaged", safeToRepair: false, findings: lines, command: "ceph health detail" };
  }
  if (has(DOWN)) {
    throw new HoldfastError("BUSY", `The file system is not served at present: ${lines.join("; ")}.`, {
      hint: "See `ceph fs status` and whether a standby metadata server takes over.",
      retryable: true,
    });
  }
  return { state: "clean", safeToRepair: false, findings: lines, command: null };
}

function unchecked(why: string): CheckResult {
  const findings = [`the cluster's health was not looked at: ${why}`];
  return { state: "clean", safeToRepair: false, findings, command: null };
}

import { type CheckResult, HoldfastError, hasCode, type Op } from "@holdfast/core";
import type { DriverVolume } from "../driver.js";
import { mfscli } from "./admin.js";
import { parseActiveExports, parseChunkClasses, parseChunkServers } from "./cli-output.js";
import { directoryOf, reaches } from "./exports.js";
import type { MooseFsOptions } from "./options.js";

/** A takeover waits for this, so it is shorter than other administration. */
const CHECK_MS_MAX = 10_000;

/** MooseFS has no split-brain: one master decides which copies are valid. What can be missing are copies, and servers. */
export async function check(op: Op, { options }: DriverVolume<MooseFsOptions>): Promise<CheckResult> {
  if (options.control.length === 0) return unchecked("no administration target is configured");
  const bounded = { ...options, controlTimeoutMs: Math.min(options.controlTimeoutMs, CHECK_MS_MAX) };
  const findings: string[] = [];
  try {
    const servers = parseChunkServers(await mfscli(op, bounded, "-SCS"));
    for (const { address, connected } of servers) if (!connected) findings.push(`chunk server ${address} is away`);
    if (!servers.some(({ connected }) => connected)) throw noServers();
    const exports = parseActiveExports(await mfscli(op, bounded, "-SEX"));
    const ours = exports.filter(({ directory }) => reaches(directoryOf(directory), options.path));
    if (ours.length > 0 && ours.every(({ writable }) => !writable)) {
      return {
        state: "damaged",
        safeToRepair: false,
        findings: [`${options.path} is exported read-only`],
        command: `rw in ${options.exportsFile}, then: mfsmaster -c ${options.masterConfigFile} reload`,
      };
    }
    const classes = parseChunkClasses(await mfscli(op, bounded, "-SIC"));
    // Of the whole of MooseFS: which files they belong to, the master finds out only in its next loop.
    for (const name of ["missing", "endangered", "undergoal"]) {
      const count = classes.get(name) ?? 0;
      if (count > 0) findings.push(`${count} chunks of this MooseFS are ${name}; see mfscli -SMF`);
    }
  } catch (error) {
    // Health is worth knowing and no condition: the mount and the probe of `verify` decide by themselves.
    if (!hasCode(error, "UNKNOWN_OUTCOME", "BUSY", "DENIED", "INTERNAL") || isNoServers(error)) throw error;
    return unchecked((error as Error).message);
  }
  return { state: "clean", safeToRepair: false, findings, command: null };
}

function noServers(): HoldfastError {
  return new HoldfastError("BUSY", "No chunk server is connected to the master.", {
    hint: "Start them; nothing can be read or written without.",
    retryable: true,
    detail: { chunkServers: 0 },
  });
}

function isNoServers(error: unknown): boolean {
  return error instanceof HoldfastError && error.detail.chunkServers === 0;
}

function unchecked(why: string): CheckResult {
  const findings = [`chunks and chunk servers were not looked at: ${why}`];
  return { state: "clean", safeToRepair: false, findings, command: null };
}

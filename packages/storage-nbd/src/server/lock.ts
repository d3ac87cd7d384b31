import { spawnSync } from "node:child_process";
import { HoldfastError } from "@holdfast/core";

const LOCKED = "HOLDFAST_NBD_LOCKED";
const WAIT_S = 10;
const CONFLICT = 75;

/**
 * Runs this program again under flock(1), which Node lacks. The lock is the kernel's: it is held exactly as long as one
 * of the two processes lives, and no server inherits it, because Node closes what it was given before it starts others.
 * @returns the exit code of the run under the lock, or undefined when this is that run.
 */
export function underLock(lockFile: string, shared: boolean): number | undefined {
  if (process.env[LOCKED] === lockFile) return undefined;
  const flags = [
    shared ? "--shared" : "--exclusive",
    "--wait",
    String(WAIT_S),
    "--conflict-exit-code",
    String(CONFLICT),
  ];
  const { status, error } = spawnSync("flock", [...flags, lockFile, process.execPath, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, [LOCKED]: lockFile },
  });
  if (error !== undefined) {
    throw new HoldfastError("INTERNAL", `flock cannot be run: ${error.message}.`, { hint: "It is in util-linux." });
  }
  if (status !== CONFLICT) return status ?? 70;
  throw new HoldfastError("BUSY", "Another operation on the same volume is under way.", {
    hint: "Call again later with the same arguments.",
    retryable: true,
  });
}

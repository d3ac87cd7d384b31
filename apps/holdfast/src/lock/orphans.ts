import { readdirSync, readFileSync } from "node:fs";
import type { ProcessIdentity } from "@holdfast/effects";

/** The guard gives every process of a tree this variable, with the tree's init as its value. */
const TREE_VARIABLE = "HOLDFAST_TREE";

/**
 * Processes of the tree that outlived its init. The kernel leaves none in a PID namespace; without one there are some
 * when both keepers were killed. A process that cleared its environment is not found.
 */
export function findOrphans(init: ProcessIdentity): number[] {
  const marker = `${TREE_VARIABLE}=${init.pid}-${init.startTicks}`;
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && carries(pid, marker));
}

export function killOrphans(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (!isErrno(error, "ESRCH", "EPERM")) throw error;
    }
  }
}

function carries(pid: number, marker: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(marker);
  } catch (error) {
    // It ended meanwhile, or it is another user's: then it cannot be told, and what we may not read we did not start.
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return false;
    throw error;
  }
}

function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

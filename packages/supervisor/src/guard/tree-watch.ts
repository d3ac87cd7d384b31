import { readdirSync, readFileSync } from "node:fs";
import { isGone, type ProcessIdentity, readProcess } from "@holdfast/effects";

const FIRST_POLL_MS = 2;
const POLL_MS_MAX = 100;

export interface TreeWatch {
  readonly init: ProcessIdentity;
  readonly namespaced: boolean;
  /** `NAME=VALUE` that everything started under the init has in its environment. */
  readonly marker: string;
}

/**
 * The keeper's outer process is dead, and its init on its way. Calls back once the init is gone. In a namespace that
 * speaks for every process of the tree. Without one the init outlives what it walks and kills, unless it was killed
 * itself; then something with the marker is still there: it is killed, and the end counts as not proven, because a
 * process may have cleared its environment. Returns what stops the watching.
 */
export function watchTree(watch: TreeWatch, onGone: (proven: boolean, how: string) => void): () => void {
  let delayMs = FIRST_POLL_MS;
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    if (!isGone(watch.init)) {
      // The parent-death signal did this already, where it could. An init that walks must be left to it.
      if (watch.namespaced) signalIfSame(watch.init);
      delayMs = Math.min(delayMs * 2, POLL_MS_MAX);
      timer = setTimeout(look, delayMs);
      return;
    }
    const left = watch.namespaced ? [] : killMarked(watch.marker);
    if (left.length === 0) onGone(true, "its init is gone");
    else onGone(false, `both of its keepers were killed; ${left.length} processes were found and killed afterwards`);
  };
  look();
  return () => clearTimeout(timer);
}

function signalIfSame(identity: ProcessIdentity): void {
  if (readProcess(identity.pid)?.startTicks !== identity.startTicks) return;
  killQuietly(identity.pid);
}

function killMarked(marker: string): number[] {
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && carries(pid, marker));
  for (const pid of pids) killQuietly(pid);
  return pids;
}

function carries(pid: number, marker: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(marker);
  } catch (error) {
    // It ended meanwhile, or it is another user's and so not of our tree.
    if (
      error instanceof Error &&
      "code" in error &&
      ["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(String(error.code))
    )
      return false;
    throw error;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM"))) throw error;
  }
}

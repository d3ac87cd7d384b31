import { askControl } from "./control.js";
import { killCluster } from "./kill-cluster.js";
import { isAlive, type Layout, readOwner, releaseDirectory, removeAllButLogs } from "./layout.js";
import { removeAbandoned } from "./network/namespaces.js";
import { devOp } from "./op.js";
import { requireRunning } from "./require-running.js";
import { until } from "./until.js";

const DOWN_MS = 60_000;

/** Ends a cluster: by asking the program that runs it, or, when that is dead, by taking away what it left. */
export async function takeDown(layout: Layout): Promise<string> {
  const owner = requireRunning(layout);
  if (isAlive(owner)) {
    await askControl(layout.controlSocket, { verb: "down", agent: null });
    await until("the cluster to end", () => readOwner(layout)?.ended === true || !isAlive(owner), {
      timeoutMs: DOWN_MS,
      intervalMs: 50,
    });
    return "ended";
  }
  await killCluster(owner.id, layout);
  if (process.getuid?.() === 0) {
    await removeAbandoned(devOp(AbortSignal.timeout(DOWN_MS), layout.directory));
  }
  removeAllButLogs(layout);
  releaseDirectory(layout, owner.id);
  return "the program that ran it was dead; what it left behind was taken away";
}

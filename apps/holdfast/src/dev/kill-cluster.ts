import type { Layout } from "./layout.js";
import { CLUSTER_MARK, carries, findTrees, killAll, worksIn } from "./processes.js";

const LIMIT_MS = 15_000;

/** Ends everything that a cluster ever started, whoever its parent is now. @throws `WAIT_LIMIT` naming what does not end. */
export async function killCluster(id: string, layout: Layout): Promise<void> {
  const isMarked = carries(`${CLUSTER_MARK}=${id}`);
  // A server whose wrapper is gone and whose environment is overwritten still works in its data.
  const isServer = worksIn(`${layout.volume}/data`);
  await killAll(() => findTrees((pid) => pid !== process.pid && (isMarked(pid) || isServer(pid))), LIMIT_MS);
}

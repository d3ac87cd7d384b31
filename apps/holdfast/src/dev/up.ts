import { type Cluster, type ClusterOptions, createCluster } from "./cluster.js";
import { serveControl } from "./control.js";
import { describeEvent } from "./describe-event.js";
import { clusterStatus, describeStatus } from "./status.js";

export interface UpOptions {
  readonly cluster: Omit<ClusterOptions, "signal" | "log" | "onFailure">;
  readonly stop: AbortController;
  readonly print: (line: string) => void;
}

/** Runs a cluster in the foreground until a signal or `dev down`; then takes everything down. */
export async function runUp({ cluster: options, stop, print }: UpOptions): Promise<void> {
  const { signal } = stop;
  const onFailure = (error: unknown) => stop.abort(error);
  const cluster = await createCluster({ ...options, signal, log: print, onFailure });
  const following = printEvents(cluster, print);
  try {
    const control = await serveControl(cluster.layout.controlSocket, cluster, () => stop.abort(DOWN));
    for (const line of describeStatus(await clusterStatus(cluster))) print(line);
    print("try: holdfast dev kill|cut|pause|kill-wrapper|heal agent-1, hang-store, resume-store, status; ^C ends it");
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    control.close();
  } finally {
    print("ending everything");
    await cluster.close();
    await following;
  }
  print("nothing is left running");
  if (signal.reason !== DOWN) throw signal.reason;
}

/** The one way to end that is no failure. */
const DOWN = "down";

async function printEvents(cluster: Cluster, print: (line: string) => void): Promise<void> {
  for await (const event of cluster.events()) {
    const text = describeEvent(event);
    if (text !== undefined) print(text);
  }
}

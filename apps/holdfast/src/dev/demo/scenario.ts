import { CANDIDATE_LEASE_FACTOR, type LeaseTiming } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import type { Cluster } from "../cluster.js";
import { describeEvent } from "../describe-event.js";
import type { Faults, Injected } from "../faults.js";
import { until } from "../until.js";
import type { Acknowledgements, Progress } from "./acknowledgements.js";
import { ACKNOWLEDGED_MIN, type InjectedFault } from "./judge.js";
import { formatMs } from "./table.js";
import type { Timeline } from "./timeline.js";

export interface Fault {
  readonly name: string;
  readonly meaning: string;
  /** Cannot be done where agents have no network of their own, unless the store itself can be taken away. */
  readonly needsNetwork: boolean;
  readonly inject: (faults: Faults, agent: string) => Promise<Injected>;
}

export const FAULTS: readonly Fault[] = [
  {
    name: "agent killed",
    meaning: "SIGKILL to everything on it",
    needsNetwork: false,
    inject: (faults, agent) => faults.kill(agent),
  },
  {
    name: "agent cut off",
    meaning: "the database and its local writer run on",
    needsNetwork: true,
    inject: (faults, agent) => faults.cut(agent),
  },
  {
    name: "wrapper stopped",
    meaning: "SIGSTOP to every process of Holdfast, not to the database",
    needsNetwork: false,
    inject: (faults, agent) => faults.pause(agent),
  },
  {
    name: "wrapper killed",
    meaning: "SIGKILL to every process of Holdfast",
    needsNetwork: false,
    inject: (faults, agent) => faults.killWrapper(agent),
  },
];

export interface ScenarioOptions {
  readonly cluster: Cluster;
  readonly acknowledgements: Acknowledgements;
  readonly timeline: Timeline;
  readonly timing: LeaseTiming;
  readonly faults: readonly Fault[];
  readonly signal: AbortSignal;
}

/** Far above everything that may happen, so that only a hang reaches it. */
const PATIENCE_MS = 45_000;
const LOOK_MS = 25;

/** The faults, one after the other. Every step waits for what it caused to be seen, never for time. */
export async function runScenario(options: ScenarioOptions): Promise<readonly InjectedFault[]> {
  const { cluster, acknowledgements, timeline, timing, signal } = options;
  const injected: InjectedFault[] = [];
  let holder = await writing(options, 0, 0n);
  timeline.add(
    "writer",
    `${ACKNOWLEDGED_MIN.toLocaleString("en-US")} writes acknowledged on ${holder.agent}, epoch ${holder.epoch}`,
  );
  const lapseMs = timing.leaseMs * CANDIDATE_LEASE_FACTOR + timing.guardMs;
  for (const [index, fault] of options.faults.entries()) {
    const { agent, epoch } = holder;
    timeline.add("fault", `${index + 1}. ${fault.name}: ${agent} (${fault.meaning})`);
    const { atMs, observed } = await fault.inject(cluster.faults, agent);
    injected.push({ name: fault.name, agent, atMs });
    timeline.add("fault", `seen from outside: ${observed}`);
    const taken = await until("another run to write", () => later(acknowledgements, atMs, epoch), waiting(options));
    noteSuccession(options, { atMs, epoch, taken, lapseMs });
    holder = await writing(options, atMs, epoch);
    timeline.add(
      "writer",
      `${ACKNOWLEDGED_MIN.toLocaleString("en-US")} writes acknowledged on ${holder.agent}, epoch ${holder.epoch}`,
    );
    const healed = await cluster.faults.heal(agent);
    timeline.add("demo", `${agent} ${healed.observed}`);
    await until(`${agent} to report`, () => reports(cluster, agent), { timeoutMs: PATIENCE_MS, signal });
  }
  return injected;

  function waiting({ signal }: ScenarioOptions) {
    return { timeoutMs: PATIENCE_MS, intervalMs: LOOK_MS, signal, seen: () => describeTasks(cluster) };
  }

  /** Waits until enough writes of a later epoch were acknowledged after a moment. */
  function writing(of: ScenarioOptions, afterMs: number, epoch: bigint): Promise<Progress> {
    return until(
      `${ACKNOWLEDGED_MIN} acknowledged writes`,
      () => {
        const progress = later(acknowledgements, afterMs, epoch);
        return progress !== undefined && progress.acknowledged >= ACKNOWLEDGED_MIN ? progress : undefined;
      },
      waiting(of),
    );
  }
}

function later(acknowledgements: Acknowledgements, afterMs: number, epoch: bigint): Progress | undefined {
  const newest = acknowledgements.newest(afterMs);
  return newest !== undefined && newest.epoch > epoch ? newest : undefined;
}

function reports(cluster: Cluster, agent: string): boolean {
  return cluster.orchestrator.agents().some(({ id, reachable }) => id === agent && reachable);
}

interface Succession {
  readonly atMs: number;
  readonly epoch: bigint;
  readonly taken: Progress;
  /** How long a candidate must wait when nobody released the lease. */
  readonly lapseMs: number;
}

function noteSuccession({ acknowledgements, timeline }: ScenarioOptions, succession: Succession): void {
  const { atMs, epoch, taken, lapseMs } = succession;
  let lastMs = Number.NEGATIVE_INFINITY;
  let afterFault = 0;
  for (const events of acknowledgements.logs().values()) {
    for (const event of events) {
      if (event.epoch !== epoch || event.kind !== "acknowledged") continue;
      lastMs = Math.max(lastMs, event.atMs);
      if (event.atMs > atMs) afterFault += 1;
    }
  }
  const count = afterFault === 0 ? "" : `, ${afterFault.toLocaleString("en-US")} writes since`;
  timeline.add("writer", `last write of epoch ${epoch}: ${formatSince(lastMs - atMs)}${count}`);
  timeline.add(
    "writer",
    `first write of epoch ${taken.epoch}, on ${taken.agent}: ${formatSince(taken.firstMs - atMs)} ` +
      `(a lease that nobody released lapses after ${formatMs(lapseMs)})`,
  );
}

function formatSince(ms: number): string {
  return `${formatMs(Math.abs(ms))} ${ms < 0 ? "before" : "after"} the fault`;
}

function describeTasks(cluster: Cluster): string {
  const tasks = cluster.orchestrator.tasks().slice(-4);
  return tasks.map((task) => `${task.agent} ${task.state} ${task.says} ${task.exitCode ?? ""}`.trim()).join("; ");
}

/** What the orchestrator does and believes, as lines of the timeline, until the cluster is closed. */
export async function followOrchestrator(cluster: Cluster, timeline: Timeline): Promise<void> {
  for await (const event of cluster.events()) {
    const text = describeEvent(event);
    if (text !== undefined) timeline.add("orchestrator", text, monotonicMs());
  }
}

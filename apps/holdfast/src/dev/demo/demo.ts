import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_LEASE_TIMING, type LeaseTiming } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { formatError } from "../../print-error.js";
import { type Cluster, type ClusterOptions, createCluster } from "../cluster.js";
import type { DemoEngine } from "../engines/types.js";
import { Interrupted } from "../interrupt.js";
import { engineContext } from "../service.js";
import { Acknowledgements } from "./acknowledgements.js";
import { type Evidence, judge, type Verdict } from "./judge.js";
import { readBack } from "./read-back.js";
import { type Fault, followOrchestrator, runScenario } from "./scenario.js";
import { formatMs, formatTable } from "./table.js";
import { Timeline } from "./timeline.js";

export interface DemoOptions {
  readonly cluster: Omit<ClusterOptions, "workload" | "writesPerSecond" | "signal" | "log" | "onFailure">;
  readonly engine: DemoEngine;
  readonly user: string | null;
  readonly faults: readonly Fault[];
  readonly json: boolean;
  readonly summaryFile: string | null;
  readonly stop: AbortController;
}

/** Enough to pass a thousand within seconds, little enough to leave the machine usable. */
const WRITES_PER_SECOND = 500;

/** The demo. Returns whether the promise was kept; throws when it could not be seen to the end. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const { engine, json, stop } = options;
  const startedMs = monotonicMs();
  // With --json the one document at the end is all there is on standard output.
  const print = (line: string) => (json ? process.stderr : process.stdout).write(`${line}\n`);
  const timeline = new Timeline(print, !json && process.stdout.isTTY === true && process.env.NO_COLOR === undefined);
  timeline.add("demo", `${engine.type} (${engine.durability(engineContext(engine, options.user)).explanation})`);
  timeline.add("demo", describeTiming(options.cluster.timing));
  const cluster = await createCluster({
    ...options.cluster,
    workload: { kind: "engine", engine, user: options.user },
    writesPerSecond: WRITES_PER_SECOND,
    signal: stop.signal,
    log: (line) => timeline.add("demo", line),
    onFailure: (error) => stop.abort(error),
  });
  const summaryFile = options.summaryFile ?? join(cluster.layout.directory, "summary.json");
  const writeSummary = (outcome: Outcome) => {
    const text = formatSummary(options, outcome, timeline, monotonicMs() - startedMs);
    writeFileSync(summaryFile, `${text}\n`);
    if (json) process.stdout.write(`${text}\n`);
  };
  try {
    const verdict = judge(await observeAndClose(options, cluster, timeline));
    writeSummary({ kind: "judged", verdict });
    for (const line of ["", ...formatTable(verdict), "", ...closing(verdict, summaryFile)]) print(line);
    return verdict.breaches.length === 0;
  } catch (error) {
    writeSummary({ kind: "failed", error });
    throw error;
  }
}

type Outcome =
  | { readonly kind: "judged"; readonly verdict: Verdict }
  | { readonly kind: "failed"; readonly error: unknown };

/** What the evidence means is decided later, when nothing runs any more. */
async function observeAndClose(options: DemoOptions, cluster: Cluster, timeline: Timeline): Promise<Evidence> {
  const following = followOrchestrator(cluster, timeline);
  try {
    return await observe(options, cluster, timeline);
  } finally {
    timeline.add("demo", "ending everything");
    await cluster.close();
    await following;
    timeline.add("demo", "nothing is left running");
  }
}

/** Everything up to the evidence. */
async function observe(options: DemoOptions, cluster: Cluster, timeline: Timeline): Promise<Evidence> {
  const { engine, faults, stop } = options;
  const { own, timing } = options.cluster;
  const { signal } = stop;
  const logs = new Map([...cluster.machines].map(([id, machine]) => [id, machine.writerLog()]));
  const acknowledgements = new Acknowledgements(logs);
  const injected = await runScenario({ cluster, acknowledgements, timeline, timing, faults, signal });
  const last = acknowledgements.newest(0);
  if (last === undefined) throw new Error("the scenario ended without a writer");
  // Without writers the logs are complete, and the data set stands still while it is read.
  for (const machine of cluster.machines.values()) await machine.stopWriter();
  const others = [...cluster.machines.keys()].filter((id) => id !== last.agent);
  const { agent, data } = await readBack({
    cluster,
    agents: [last.agent, ...others],
    engine: engine.type,
    own,
    signal,
  });
  timeline.add("demo", `${data.size.toLocaleString("en-US")} keys read back from ${agent}, last epoch ${last.epoch}`);
  return { faults: injected, data, logs: acknowledgements.logs() };
}

function describeTiming(t: LeaseTiming): string {
  const d = DEFAULT_LEASE_TIMING;
  return (
    `lease ${t.leaseMs} ms, renewed every ${t.renewMs}, stop ${t.stopBudgetMs}, margin ${t.marginMs}, guard ${t.guardMs}; ` +
    `short for a demo, the defaults are ${d.leaseMs}, ${d.renewMs}, ${d.stopBudgetMs}, ${d.marginMs}, ${d.guardMs}`
  );
}

function closing(verdict: Verdict, summaryFile: string): string[] {
  const { acknowledged, lost, overlapMs, breaches } = verdict;
  const counts = `${acknowledged.toLocaleString("en-US")} writes acknowledged, ${lost} lost, overlap ${formatMs(overlapMs)}`;
  return [
    "times count from the fault; acknowledged: under the new holder, until the next fault; all read back at the end",
    `${breaches.length === 0 ? "passed" : "FAILED"}: ${counts}`,
    ...breaches.map((breach) => `  ${breach}`),
    `summary: ${summaryFile}`,
  ];
}

/** For machines; epochs as decimal strings. */
function formatSummary(options: DemoOptions, outcome: Outcome, timeline: Timeline, tookMs: number): string {
  const { cluster, engine } = options;
  const summary = {
    v: 1,
    passed: outcome.kind === "judged" && outcome.verdict.breaches.length === 0,
    error: outcome.kind === "failed" ? describeFailure(outcome.error) : null,
    engine: engine.type,
    store: cluster.zookeeper ? "zookeeper" : "directory",
    network: cluster.network,
    timing: cluster.timing,
    tookMs: Math.round(tookMs),
    ...(outcome.kind === "judged" ? outcome.verdict : {}),
    timeline: timeline.entries,
  };
  return JSON.stringify(summary, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value), 2);
}

function describeFailure(error: unknown) {
  if (error instanceof Interrupted) return { code: "INTERRUPTED", message: error.message, exitCode: error.exitCode };
  const { code, message, exitCode } = formatError(error);
  return { code, message, exitCode };
}

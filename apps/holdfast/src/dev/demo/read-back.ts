import { readFileSync } from "node:fs";
import { join } from "node:path";
import { markedEnvironment } from "../agent-machine.js";
import { startChild } from "../child.js";
import type { Cluster } from "../cluster.js";
import { signalProcess } from "../processes.js";
import { until } from "../until.js";

const LIMIT_MS = 30_000;

export interface ReadBackOptions {
  readonly cluster: Cluster;
  /** In the order in which they are asked; the last holder first. */
  readonly agents: readonly string[];
  readonly engine: string;
  readonly own: readonly string[];
  readonly signal: AbortSignal;
}

export interface ReadBack {
  readonly agent: string;
  readonly data: ReadonlyMap<string, string>;
}

/** Reads the whole data set from the database that serves, by a client on its own agent. */
export async function readBack(options: ReadBackOptions): Promise<ReadBack> {
  const { cluster, agents, signal } = options;
  const log = join(cluster.layout.directory, "read-back.log");
  return until(
    "a database that can be read back",
    async () => {
      for (const agent of agents) {
        const data = await tryReadBack(options, agent, log);
        if (data !== undefined) return { agent, data };
      }
      return undefined;
    },
    { timeoutMs: LIMIT_MS, intervalMs: 200, signal, seen: () => readFileSync(log, "utf8").slice(-500) },
  );
}

async function tryReadBack(options: ReadBackOptions, agent: string, logFile: string) {
  const { cluster, engine, own, signal } = options;
  const { layout, network } = cluster;
  const file = join(layout.directory, "data-set.tsv");
  const place = ["--agent", agent, "--dir", layout.agent(agent).directory, "--bind", network.bindOf(agent)];
  const child = await startChild({
    argv: [...network.enter(agent), ...own, "dev", "__read", ...place, "--engine", engine, "--out", file],
    env: markedEnvironment("read-back"),
    cwd: layout.directory,
    logFile,
    stdin: "ignore",
  });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  limit.addEventListener("abort", () => signalProcess(child, "SIGKILL"), { once: true });
  const { code } = await child.ended;
  return code === 0 ? parseDataSet(readFileSync(file, "utf8")) : undefined;
}

/** One `key TAB value` per line. */
export function formatDataSet(data: ReadonlyMap<string, string>): string {
  return [...data].map(([key, value]) => `${key}\t${value}\n`).join("");
}

function parseDataSet(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => line.split("\t") as [string, string]));
}

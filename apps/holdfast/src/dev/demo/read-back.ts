import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { markedEnvironment } from "../agent-machine.js";
import { startChild } from "../child.js";
import type { Cluster } from "../cluster.js";
import { signalProcess } from "../processes.js";

const LIMIT_MS = 30_000;

/** Reads the whole data set from the database that serves on an agent, by a client on that agent. */
export async function readBack(
  cluster: Cluster,
  agent: string,
  engine: string,
  own: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const { layout, network } = cluster;
  const file = join(layout.directory, "data-set.tsv");
  const place = ["--agent", agent, "--dir", layout.agent(agent).directory, "--bind", network.bindOf(agent)];
  const child = await startChild({
    argv: [...network.enter(agent), ...own, "dev", "__read", ...place, "--engine", engine, "--out", file],
    env: markedEnvironment("read-back"),
    cwd: layout.directory,
    logFile: join(layout.directory, "read-back.log"),
    stdin: "ignore",
  });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  limit.addEventListener("abort", () => signalProcess(child, "SIGKILL"), { once: true });
  const { code } = await child.ended;
  signal.throwIfAborted();
  if (code !== 0) {
    throw new HoldfastError("UNKNOWN_OUTCOME", `The data set could not be read back on ${agent}.`, {
      hint: readFileSync(join(layout.directory, "read-back.log"), "utf8").slice(-1_000),
    });
  }
  return parseDataSet(readFileSync(file, "utf8"));
}

/** One `key TAB value` per line. */
export function formatDataSet(data: ReadonlyMap<string, string>): string {
  return [...data].map(([key, value]) => `${key}\t${value}\n`).join("");
}

export function parseDataSet(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => line.split("\t") as [string, string]));
}

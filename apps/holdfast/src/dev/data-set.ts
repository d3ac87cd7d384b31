import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type AgentId, type EngineCommand, HoldfastError, type LeaseTiming } from "@holdfast/core";
import { fillPlaceholders } from "@holdfast/orchestrator-local";
import { type Child, startChild } from "./child.js";
import type { Layout } from "./layout.js";
import type { DevNetwork } from "./network/types.js";
import { signalProcess } from "./processes.js";
import { engineContext, SERVICE_NAME, type Workload } from "./service.js";
import type { DevStore } from "./store/types.js";

export interface DataSetOptions {
  readonly own: readonly [string, ...string[]];
  readonly layout: Layout;
  readonly workload: Workload;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** `holdfast volume init`: the directory becomes the service's volume, once and explicitly. */
export async function markVolume({ own, layout, workload, env, signal }: DataSetOptions): Promise<void> {
  const owner = workload.kind === "engine" && workload.user !== null ? ["--owner", workload.user] : [];
  await run([...own, "volume", "init", layout.volume, "--service", SERVICE_NAME, ...owner], {
    what: "Marking the volume",
    cwd: layout.directory,
    logFile: join(layout.directory, "volume-init.log"),
    env,
    signal,
    limitMs: 30_000,
  });
}

export interface InitializeOptions extends DataSetOptions {
  readonly network: DevNetwork;
  readonly store: DevStore;
  readonly agent: AgentId;
  readonly timing: LeaseTiming;
  readonly log: (line: string) => void;
}

/** Makes the empty data set of an engine that needs one, in a run of its own: whatever writes holds the lease. */
export async function initializeDataSet(options: InitializeOptions): Promise<void> {
  const { own, layout, workload, network, store, agent, timing, env, signal, log } = options;
  if (workload.kind === "command") return;
  const command = workload.engine.initialCommand(engineContext(workload.engine, workload.user));
  if (command === null) return;
  const { directory } = layout.agent(agent);
  const values = { agent, agentDir: directory, sandbox: directory, bind: network.bindOf(agent) };
  const argv = [...own, "run", ...flags(command, timing, store.url), "--", ...command.argv];
  await run([...network.enter(agent), ...argv.map((word) => fillPlaceholders(word, values))], {
    what: `Making an empty ${workload.engine.type} data set`,
    cwd: directory,
    logFile: join(layout.directory, "initialize.log"),
    env: { ...env, ...command.env },
    signal,
    limitMs: 60_000,
  });
  log(`empty ${workload.engine.type} data set made, under the lease`);

  function flags({ user }: EngineCommand, t: LeaseTiming, url: string): string[] {
    return [
      ...["--service", SERVICE_NAME, "--store", url, "--agent", "{{agent}}", "--volume", layout.volume, "--wait"],
      ...["--lease-ms", String(t.leaseMs), "--renew-ms", String(t.renewMs), "--guard-ms", String(t.guardMs)],
      ...["--stop-budget-ms", String(t.stopBudgetMs), "--margin-ms", String(t.marginMs)],
      ...(user === null ? [] : ["--user", user]),
    ];
  }
}

interface RunOptions {
  readonly what: string;
  readonly cwd: string;
  readonly logFile: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly limitMs: number;
}

/** Runs a command of ours to its end. @throws `INTERNAL` with its last words when it fails. */
async function run(argv: readonly string[], options: RunOptions): Promise<void> {
  const child = await startChild({ ...options, argv, stdin: "ignore" });
  const limit = AbortSignal.any([options.signal, AbortSignal.timeout(options.limitMs)]);
  const { code, signal } = await endedOrKilled(child, limit);
  options.signal.throwIfAborted();
  if (code === 0) return;
  const words = readFileSync(options.logFile, "utf8").trimEnd().split("\n").slice(-6).join("\n");
  throw new HoldfastError("INTERNAL", `${options.what} failed (${code ?? signal}):\n${words}`, {
    hint: `See ${options.logFile}.`,
  });
}

async function endedOrKilled(child: Child, signal: AbortSignal) {
  const kill = () => signalProcess(child, "SIGKILL");
  if (signal.aborted) kill();
  signal.addEventListener("abort", kill, { once: true });
  const end = await child.ended;
  signal.removeEventListener("abort", kill);
  return end;
}

import { join } from "node:path";
import { type AgentId, HoldfastError } from "@holdfast/core";
import { bounded } from "@holdfast/effects";
import { type Child, startChild } from "./child.js";
import type { AgentLayout, Layout } from "./layout.js";
import type { DevNetwork } from "./network/types.js";
import {
  AGENT_MARK,
  CLUSTER_MARK,
  carries,
  type Death,
  findTrees,
  killLikeMachine,
  type SeenProcess,
  signalProcess,
  TASK_MARK,
} from "./processes.js";

export interface MachineOptions {
  readonly id: AgentId;
  readonly clusterId: string;
  readonly layout: Layout;
  readonly network: DevNetwork;
  readonly own: readonly [string, ...string[]];
  /** Port of the orchestrator's side. */
  readonly port: number;
  /** A client of the database on this machine; null = none. */
  readonly writer: { readonly engine: string; readonly writesPerSecond: number } | null;
}

const KILL_MS = 10_000;

/** One machine of the cluster: the agent process, a writer where there is one, and everything that they start. */
export class AgentMachine {
  readonly id: AgentId;
  readonly layout: AgentLayout;
  readonly #options: MachineOptions;
  #up = false;
  #writer: Child | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.id = options.id;
    this.layout = options.layout.agent(options.id);
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Starts the agent and the writer. @throws `BUSY` when the machine runs. */
  async boot(): Promise<void> {
    if (this.#up) throw new HoldfastError("BUSY", `${this.id} is up already.`, { hint: "Nothing was done." });
    this.#up = true;
    const { network, own, port, layout, writer } = this.#options;
    const agent = ["--host", network.hostAddress, "--port", String(port), "--token-file", layout.token];
    await this.#start([...own, "dev", "__agent", ...this.#place(), ...agent], this.layout.log);
    if (writer === null) return;
    const log = ["--log", this.writerLog(), "--writes-per-second", String(writer.writesPerSecond)];
    const argv = [...own, "dev", "__writer", ...this.#place(), "--engine", writer.engine, ...log];
    this.#writer = await this.#start(argv, join(this.layout.directory, "writer.log"));
  }

  /** The writer finishes what it is about; afterwards its log is complete. */
  async stopWriter(): Promise<void> {
    if (this.#writer === undefined) return;
    signalProcess(this.#writer, "SIGTERM");
    await bounded(this.#writer.ended, {
      timeoutMs: KILL_MS,
      code: "WAIT_LIMIT",
      what: `The writer on ${this.id}`,
      hint: `See ${this.layout.directory}/writer.log.`,
    });
  }

  writerLog(): string {
    return `${this.#options.layout.writers}/${this.id}.log`;
  }

  /** Everything of this machine that lives now. */
  processes(): SeenProcess[] {
    const { network, clusterId } = this.#options;
    const marked = findTrees(carries(`${CLUSTER_MARK}=${clusterId}`, `${AGENT_MARK}=${this.id}`));
    const seen = new Map(marked.map((one) => [one.pid, one]));
    for (const one of network.processes(this.id)) seen.set(one.pid, one);
    return [...seen.values()];
  }

  processesOfTask(task: string): SeenProcess[] {
    return findTrees(carries(`${CLUSTER_MARK}=${this.#options.clusterId}`, `${TASK_MARK}=${task}`));
  }

  /** The machine dies: everything at once, nothing gets to act on the death of something else. */
  async kill(): Promise<Death> {
    const death = await killLikeMachine(() => this.processes(), KILL_MS);
    this.#up = false;
    return death;
  }

  #place(): string[] {
    const { network } = this.#options;
    return ["--agent", this.id, "--dir", this.layout.directory, "--bind", network.bindOf(this.id)];
  }

  async #start(argv: readonly string[], logFile: string): Promise<Child> {
    const { network, clusterId } = this.#options;
    return startChild({
      argv: [...network.enter(this.id), ...argv],
      env: { ...markedEnvironment(clusterId), [AGENT_MARK]: this.id },
      cwd: this.layout.directory,
      logFile,
      stdin: "pipe",
    });
  }
}

/** What everything of a cluster gets of our environment: enough to find programs, and the mark to be found by. */
export function markedEnvironment(clusterId: string): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => /^(PATH|HOME|LANG|TMPDIR|NODE_DEBUG)$/.test(name));
  const path = [process.env.PATH ?? "", "/usr/sbin", "/sbin"].filter((part) => part !== "").join(":");
  return { ...(Object.fromEntries(kept) as Record<string, string>), PATH: path, [CLUSTER_MARK]: clusterId };
}

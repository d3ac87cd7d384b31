import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { processesMarked, signalProcess, until } from "@holdfast/testkit";
import type { RuntimeTask, TaskExit, TaskRuntime } from "./runtime.js";

/** Every process of a task has this in its environment, so that daemons in sessions of their own are found too. */
export const TASK_VARIABLE = "HOLDFAST_MARATHON_SIM_TASK";

/** After a SIGKILL nothing should live this long; a process in D state does. */
const KILL_LIMIT_MS = 10_000;

export interface ProcessRuntimeOptions {
  /**
   * What is put before a command so that it runs on that agent: `enter` of a network namespace of the testkit; empty =
   * a plain process of this machine.
   */
  readonly enter?: (agentId: string) => readonly string[];
  /** Inherited by every task; the test's own environment is not. */
  readonly env?: Readonly<Record<string, string>>;
}

interface Running {
  readonly task: RuntimeTask;
  readonly agentId: string;
  readonly mark: string;
  readonly ended: Promise<void>;
  killTimer: NodeJS.Timeout | undefined;
}

/** Real processes, on network-namespace agents or as plain children of this machine. */
export function createProcessRuntime({ enter = () => [], env = {} }: ProcessRuntimeOptions = {}): TaskRuntime {
  const running = new Map<string, Running>();
  // Two doubles on one machine must not find each other's processes.
  const instance = `${process.pid}-${Math.random().toString(36).slice(2)}`;

  const environment = (task: RuntimeTask, mark: string) => ({
    ...{ PATH: process.env.PATH ?? "/usr/bin:/bin", ...env },
    ...task.env,
    [TASK_VARIABLE]: mark,
  });
  const command = (agentId: string, argv: readonly string[]): [string, ...string[]] => {
    const [file, ...rest] = [...enter(agentId), ...argv];
    return [file ?? "", ...rest];
  };

  async function start(task: RuntimeTask, agentId: string, onExit: (exit: TaskExit) => void): Promise<void> {
    const mark = `${instance}/${task.taskId}`;
    const [file, ...args] = command(agentId, task.argv);
    const output = ["stdout", "stderr"].map((name) => openSync(join(task.sandbox, name), "a"));
    const options = { cwd: task.sandbox, env: environment(task, mark), detached: true };
    const child = spawn(file, args, { ...options, stdio: ["ignore", ...output] });
    for (const descriptor of output) closeSync(descriptor);
    await spawned(child);
    const exited = new Promise<TaskExit>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
    // As Mesos does with a container: when its first process has ended, the rest is killed.
    const ended = exited.then(() => killMarked(mark));
    const entry: Running = { task, agentId, mark, ended, killTimer: undefined };
    running.set(task.taskId, entry);
    void Promise.all([exited, ended]).then(([exit]) => {
      clearTimeout(entry.killTimer);
      running.delete(task.taskId);
      onExit(exit);
    });
  }

  function kill(taskId: string, graceMs: number): void {
    const entry = running.get(taskId);
    if (entry === undefined) return;
    signalMarked(entry.mark, "SIGTERM");
    entry.killTimer ??= setTimeout(() => signalMarked(entry.mark, "SIGKILL"), graceMs);
  }

  async function powerOff(agentId: string): Promise<void> {
    const entries = [...running.values()].filter((entry) => entry.agentId === agentId);
    for (const { mark } of entries) signalMarked(mark, "SIGKILL");
    await Promise.all(entries.map(({ ended }) => ended));
  }

  return {
    start,
    kill,
    powerOff,
    async run(taskId, argv, timeoutMs, signal) {
      const entry = running.get(taskId);
      if (entry === undefined) return null;
      const [file, ...args] = command(entry.agentId, argv);
      const { sandbox } = entry.task;
      const options = { cwd: sandbox, env: environment(entry.task, entry.mark), stdio: "ignore" as const };
      const child = spawn(file, args, { ...options, timeout: timeoutMs, killSignal: "SIGKILL", signal });
      return new Promise((resolve) => {
        child.once("error", () => resolve(null));
        child.once("exit", (code) => resolve(code));
      });
    },
    async close() {
      const agents = new Set([...running.values()].map(({ agentId }) => agentId));
      for (const agentId of agents) await powerOff(agentId);
    },
  };
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(
        new HoldfastError("COMMAND_NOT_FOUND", `The task could not be started: ${cause.message}.`, {
          hint: "See `cmd` or `args` of the app; for namespace agents, `nsenter` must be installed.",
          cause,
        }),
      ),
    );
  });
}

function signalMarked(mark: string, signal: NodeJS.Signals): boolean {
  const found = processesMarked(TASK_VARIABLE).filter(({ value }) => value === mark);
  for (const { seen } of found) signalProcess(seen, signal);
  return found.length > 0;
}

async function killMarked(mark: string): Promise<void> {
  await until(`the processes of task ${mark} to end`, () => !signalMarked(mark, "SIGKILL"), {
    timeoutMs: KILL_LIMIT_MS,
  });
}

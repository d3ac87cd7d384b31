import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { agentReport } from "../core/mesos.js";
import type { Effect, Launch } from "../core/model.js";
import type { MesosState } from "../core/states.js";
import type { Driver } from "../driver.js";
import { afterCheck, agentCheck, checkCommand } from "./agent-checks.js";
import { taskCommand, taskEnvironment } from "./environment.js";
import { fetchArtifacts } from "./fetch.js";
import type { TaskExit, TaskRuntime } from "./runtime.js";

/** Mesos's own grace between SIGTERM and SIGKILL when the app names none. */
const DEFAULT_GRACE_MS = 3_000;

interface Entry {
  readonly launch: Launch;
  readonly stop: AbortController;
  killed: boolean;
  healthy: boolean | null;
}

/**
 * The agents' side: starts and ends tasks as the master says, makes the checks that run on agents, reports. It goes on
 * while its agent cannot reach the master, as a real executor does: a failed check still kills there.
 */
export class Executors {
  readonly #driver: Driver;
  readonly #runtime: TaskRuntime;
  readonly #directory: string;
  readonly #entries = new Map<string, Entry>();
  #closed = false;
  /** Per agent, so that what is asked of one machine happens in its order. */
  readonly #queues = new Map<string, Promise<void>>();

  /** @param directory - Sandboxes and volumes live below it, by agent. */
  constructor(driver: Driver, runtime: TaskRuntime, directory: string) {
    this.#driver = driver;
    this.#runtime = runtime;
    this.#directory = directory;
    driver.onAgentEffect = (effect) => this.#enqueue(effect);
  }

  #enqueue(effect: Exclude<Effect, { kind: "event" }>): void {
    const agentId = effect.kind === "launch" ? effect.launch.agentId : effect.agentId;
    const before = this.#queues.get(agentId) ?? Promise.resolve();
    this.#queues.set(
      agentId,
      before.then(() => this.#carryOut(effect)),
    );
  }

  async #carryOut(effect: Exclude<Effect, { kind: "event" }>): Promise<void> {
    if (this.#closed) return;
    switch (effect.kind) {
      case "launch":
        return this.#launch(effect.launch);
      case "kill":
        return this.#kill(effect.taskId);
      case "create-volume":
        await mkdir(this.#volume(effect.agentId, effect.volume.uuid), { recursive: true });
        return;
      case "destroy-volume":
        return rm(this.#volume(effect.agentId, effect.volume.uuid), { recursive: true, force: true });
      case "shutdown-agent":
        return this.powerOff(effect.agentId);
      default:
        return effect satisfies never;
    }
  }

  sandbox({ agentId, taskId }: Pick<Launch, "agentId" | "taskId">): string {
    return join(this.#directory, agentId, "tasks", taskId);
  }

  #volume(agentId: string, uuid: string): string {
    return join(this.#directory, agentId, "volumes", uuid);
  }

  async #launch(launch: Launch): Promise<void> {
    const { app, taskId, agentId, volumes } = launch;
    const entry: Entry = { launch, stop: new AbortController(), killed: false, healthy: null };
    this.#entries.set(taskId, entry);
    const argv = taskCommand(app);
    if (argv === null || app.container?.docker !== undefined) {
      this.#end(entry, "TASK_ERROR", "marathon-sim starts processes, not images");
      return;
    }
    const sandbox = this.sandbox(launch);
    try {
      await mkdir(sandbox, { recursive: true });
      for (const { containerPath, uuid } of volumes)
        await symlink(this.#volume(agentId, uuid), join(sandbox, containerPath));
      await fetchArtifacts(app, sandbox, entry.stop.signal);
      this.#report(entry, "TASK_STARTING", "");
      const task = { taskId, argv, env: taskEnvironment(launch, sandbox), sandbox };
      await this.#runtime.start(task, agentId, (exit) => this.#onExit(entry, exit));
    } catch (error) {
      this.#end(entry, "TASK_FAILED", error instanceof Error ? error.message : String(error));
      return;
    }
    this.#report(entry, "TASK_RUNNING", "");
    void this.#check(entry);
  }

  #kill(taskId: string): void {
    const entry = this.#entries.get(taskId);
    // Asked again: the first kill, with its grace, is under way.
    if (entry === undefined || entry.killed) return;
    entry.killed = true;
    this.#report(entry, "TASK_KILLING", "");
    const { taskKillGracePeriodSeconds: seconds } = entry.launch.app;
    // Real seconds, whatever the scale: the process lives in them.
    this.#runtime.kill(taskId, seconds === undefined ? DEFAULT_GRACE_MS : seconds * 1_000);
  }

  #onExit(entry: Entry, { code, signal }: TaskExit): void {
    const how = signal === null ? `Command exited with status ${code}` : `Command terminated with signal ${signal}`;
    if (entry.killed) this.#end(entry, "TASK_KILLED", how);
    else this.#end(entry, code === 0 ? "TASK_FINISHED" : "TASK_FAILED", how);
  }

  #end(entry: Entry, state: MesosState, message: string): void {
    entry.stop.abort();
    this.#report(entry, state, message);
    this.#entries.delete(entry.launch.taskId);
  }

  #report({ launch: { agentId, taskId }, healthy }: Entry, state: MesosState, message: string): void {
    if (this.#closed || !this.#driver.sim.agents.has(agentId)) return;
    this.#driver.apply((sim) => agentReport(sim, agentId, { taskId, state, message, healthy }));
  }

  async #check(entry: Entry): Promise<void> {
    const check = agentCheck(entry.launch);
    if (check === undefined) return;
    const { appSecondMs } = this.#driver.sim.flags;
    const { signal } = entry.stop;
    const startedMs = Date.now();
    let state = { failures: 0, everHealthy: false };
    let waitMs = check.delaySeconds * appSecondMs;
    while (await rested(waitMs, signal)) {
      waitMs = Math.max(1, check.intervalSeconds * appSecondMs);
      const argv = checkCommand(check, entry.launch.ports);
      const code = await this.#runtime.run(entry.launch.taskId, argv, check.timeoutSeconds * 1_000, signal);
      if (signal.aborted) return;
      const after = afterCheck(state, code === 0, Date.now() - startedMs, check, appSecondMs);
      state = after.state;
      if (after.verdict === "ignore" || entry.killed) continue;
      entry.healthy = after.verdict === "healthy";
      this.#report(entry, "TASK_RUNNING", `health check ended with ${code}`);
      if (after.verdict === "kill") this.#kill(entry.launch.taskId);
    }
  }

  /** SIGKILL to everything of the agent; nothing of it is reported, because nobody is left to do so. */
  async powerOff(agentId: string): Promise<void> {
    for (const [taskId, { launch, stop }] of this.#entries) {
      if (launch.agentId !== agentId) continue;
      stop.abort();
      this.#entries.delete(taskId);
    }
    this.#driver.sim.agents.get(agentId)?.tasks.clear();
    await this.#runtime.powerOff(agentId);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { stop } of this.#entries.values()) stop.abort();
    await Promise.all(this.#queues.values());
    await this.#runtime.close();
  }
}

/** False when it was called off. */
async function rested(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await pause(ms, undefined, { signal, ref: false });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

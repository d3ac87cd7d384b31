import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type AgentId, HoldfastError, type Logger } from "@holdfast/core";
import { isGone, type ProcessIdentity, readProcess, replaceFile, systemClock } from "@holdfast/effects";
import { type AgentTask, fillPlaceholders, type Launch, type LocalAgent } from "@holdfast/orchestrator-local";
import * as z from "zod";
import { probeStatus } from "../dev/agent/status-probe.js";
import { carries, findProcesses } from "../dev/processes.js";

/** What a task carries in its environment, so that it is found although its record was not written. */
const TASK_MARK = "HOLDFAST_TASK";
/** Ended tasks kept, for those who wonder why they ended. */
const ENDED_KEPT = 20;

const taskFileSchema = z.object({
  id: z.string(),
  service: z.string(),
  version: z.string(),
  bootId: z.string(),
  killGraceMs: z.number(),
  /** Wall time, for the order in which old ones are forgotten. */
  launchedAt: z.iso.datetime(),
  /** Null = it was about to be started. */
  process: z.object({ pid: z.number(), startTicks: z.string() }).nullable(),
  /** When it was asked to end: boot time, milliseconds. */
  killedAtMs: z.number().nullable(),
  ended: z.object({ exitCode: z.number().nullable(), signal: z.string().nullable() }).nullable(),
});
type TaskFile = z.output<typeof taskFileSchema>;

export interface MachineAgentOptions {
  readonly id: AgentId;
  /** On a local disk; what runs here is on record there. */
  readonly directory: string;
  readonly bootId: string;
  /** Address that applications should listen on. */
  readonly bind: string;
  readonly logger: Logger;
}

interface Health {
  readonly healthFailures: number;
  readonly everHealthy: boolean;
  readonly says: AgentTask["says"];
  readonly run: string | null;
  readonly epoch: string | null;
}

const UNKNOWN: Health = { healthFailures: 0, everHealthy: false, says: "unknown", run: null, epoch: null };

/**
 * This machine as an agent. Its tasks are processes of their own sessions that outlive this one: a controller that was killed
 * finds them again by their records. A task is a wrapper (`holdfast run`), which ends its own tree by itself.
 */
export class MachineAgent implements LocalAgent {
  readonly id: AgentId;
  readonly #options: MachineAgentOptions;
  readonly #health = new Map<string, Health>();

  constructor(options: MachineAgentOptions) {
    this.id = options.id;
    this.#options = options;
    mkdirSync(join(options.directory, "tasks"), { recursive: true, mode: 0o755 });
  }

  async tasks(signal: AbortSignal): Promise<readonly AgentTask[]> {
    const files = await this.#files();
    signal.throwIfAborted();
    const tasks = await Promise.all(files.map((file) => this.#look(file)));
    await this.#forgetOld(tasks);
    return tasks;
  }

  async launch({ id, version, definition }: Launch, signal: AbortSignal): Promise<void> {
    const { bootId } = this.#options;
    const known = await this.#read(id);
    if (known !== undefined && (known.process !== null || this.#find(id) !== undefined)) return;
    signal.throwIfAborted();
    const { id: service, killGraceMs, argv, env } = definition;
    const launchedAt = systemClock.wallTime();
    const file: TaskFile = {
      ...{ id, service, version, bootId, killGraceMs, launchedAt },
      ...{ process: null, killedAtMs: null, ended: null },
    };
    const sandbox = this.#sandbox(id);
    mkdirSync(sandbox, { recursive: true, mode: 0o755 });
    // Before the process: one that nobody has on record could not be found after a crash.
    await this.#write(file);
    const values = { agent: this.id, agentDir: this.#options.directory, sandbox, bind: this.#options.bind };
    const fill = (text: string) => fillPlaceholders(text, values);
    const filled = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)]));
    const process = await this.#start(id, argv.map(fill), filled);
    await this.#write({ ...file, process });
  }

  async kill(task: string, signal: AbortSignal): Promise<void> {
    const file = await this.#read(task);
    signal.throwIfAborted();
    if (file === undefined || file.killedAtMs !== null) return;
    await this.#write({ ...file, killedAtMs: systemClock.now().bootMs });
    signalTask(this.#processOf(file), "SIGTERM");
  }

  #start(id: string, argv: readonly string[], env: Readonly<Record<string, string>>): Promise<ProcessIdentity> {
    const [command, ...args] = argv;
    if (command === undefined) throw new Error("a command has at least one word");
    const log = openSync(join(this.#sandbox(id), "log"), "a");
    return new Promise<ProcessIdentity>((resolve, reject) => {
      const child = spawn(command, args, {
        ...{ cwd: this.#sandbox(id), detached: true, stdio: ["ignore", log, log] },
        env: { ...process.env, ...env, [TASK_MARK]: id },
      });
      child.once("spawn", () => {
        const pid = child.pid ?? -1;
        // Not awaited when this program ends: the task goes on.
        child.unref();
        resolve({ pid, startTicks: readProcess(pid)?.startTicks ?? "" });
      });
      child.once("exit", (exitCode, signal) => void this.#noteEnd(id, { exitCode, signal }));
      child.once("error", (cause) => {
        reject(
          new HoldfastError("COMMAND_NOT_FOUND", `${command} could not be started: ${cause.message}`, {
            hint: "Check that it is installed.",
            cause,
          }),
        );
      });
    }).finally(() => closeSync(log));
  }

  async #noteEnd(id: string, ended: NonNullable<TaskFile["ended"]>): Promise<void> {
    try {
      const file = await this.#read(id);
      if (file !== undefined) await this.#write({ ...file, ended });
    } catch (error) {
      // It is seen to be gone all the same; only its exit code is lost.
      this.#options.logger.log("warn", "how a task ended was not kept", { task: id, error: String(error) });
    }
  }

  async #look(file: TaskFile): Promise<AgentTask> {
    const { id, service, version } = file;
    const running = file.ended === null ? this.#processOf(file) : undefined;
    const state = running === undefined ? "ended" : file.killedAtMs === null ? "running" : "killing";
    if (running !== undefined && file.killedAtMs !== null) {
      const waitedMs = systemClock.now().bootMs - file.killedAtMs;
      // The wrapper ends its tree when it is killed itself.
      if (waitedMs >= file.killGraceMs) signalTask(running, "SIGKILL");
    }
    if (state === "running") await this.#probe(id);
    const { exitCode, signal } = file.ended ?? { exitCode: null, signal: null };
    const ageMs = running === undefined ? 0 : ageOf(running);
    return { ...{ id, service, version, state, exitCode, signal, ageMs }, ...(this.#health.get(id) ?? UNKNOWN) };
  }

  async #probe(id: string): Promise<void> {
    const before = this.#health.get(id) ?? UNKNOWN;
    const probe = await probeStatus(join(this.#sandbox(id), "status.sock"), 400);
    if (probe.kind === "silent") {
      this.#health.set(id, { ...before, healthFailures: before.healthFailures + 1, says: "unknown" });
      return;
    }
    const { status, healthy } = probe;
    const waits = status.phase === "connecting" || status.phase.startsWith("waiting-");
    this.#health.set(id, {
      healthFailures: healthy ? 0 : before.healthFailures + 1,
      everHealthy: before.everHealthy || healthy,
      says: status.phase === "running" ? "serving" : waits ? "waiting" : "unknown",
      run: status.run,
      epoch: status.epoch,
    });
  }

  #processOf({ id, process, bootId }: TaskFile): ProcessIdentity | undefined {
    // Process numbers of another boot say nothing.
    if (bootId !== this.#options.bootId) return undefined;
    if (process === null) return this.#find(id);
    return isGone(process) ? undefined : process;
  }

  #find(id: string): ProcessIdentity | undefined {
    // The wrapper's own children carry the mark too; the wrapper is the oldest.
    const found = findProcesses(carries(`${TASK_MARK}=${id}`));
    return found.sort((a, b) => Number(a.startTicks) - Number(b.startTicks))[0];
  }

  async #forgetOld(tasks: readonly AgentTask[]): Promise<void> {
    const ended = tasks.filter(({ state }) => state === "ended");
    for (const { id } of ended.slice(0, Math.max(0, ended.length - ENDED_KEPT))) {
      this.#health.delete(id);
      await rm(this.#sandbox(id), { recursive: true, force: true });
    }
  }

  async #files(): Promise<readonly TaskFile[]> {
    const names = await readdir(join(this.#options.directory, "tasks"));
    const files = await Promise.all(names.map((name) => this.#read(name)));
    return files.filter((file) => file !== undefined).sort((a, b) => (a.launchedAt < b.launchedAt ? -1 : 1));
  }

  async #read(id: string): Promise<TaskFile | undefined> {
    try {
      return taskFileSchema.parse(JSON.parse(await readFile(join(this.#sandbox(id), "task.json"), "utf8")));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  async #write(file: TaskFile): Promise<void> {
    await replaceFile(join(this.#sandbox(file.id), "task.json"), JSON.stringify(file));
  }

  #sandbox(id: string): string {
    return join(this.#options.directory, "tasks", id);
  }
}

function signalTask(identity: ProcessIdentity | undefined, signal: "SIGTERM" | "SIGKILL"): void {
  if (identity === undefined || isGone(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Clock ticks are hundredths of a second on every Linux that Node runs on (USER_HZ). */
function ageOf({ startTicks }: ProcessIdentity): number {
  return Math.max(0, systemClock.now().bootMs - Number(startTicks) * 10);
}

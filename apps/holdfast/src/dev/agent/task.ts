import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "@holdfast/effects";
import { type AgentTask, fillPlaceholders, type Launch, type PlaceholderValues } from "@holdfast/orchestrator-local";
import { type Child, startChild } from "../child.js";
import { carries, findTrees, killAll, signalProcess, TASK_MARK } from "../processes.js";
import { probeStatus } from "./status-probe.js";

const KILL_MS = 10_000;

export interface TaskPlace {
  readonly agent: string;
  readonly agentDir: string;
  readonly bind: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One task of an agent: the process, its health, and how it is ended. */
export class RunningTask {
  readonly id: string;
  readonly #launch: Launch;
  readonly #child: Child;
  readonly #sandbox: string;
  readonly #startedMs = monotonicMs();
  #state: AgentTask["state"] = "running";
  #exit: { code: number | null; signal: string | null } = { code: null, signal: null };
  #health: Pick<AgentTask, "healthFailures" | "everHealthy" | "says" | "run" | "epoch"> = {
    healthFailures: 0,
    everHealthy: false,
    says: "unknown",
    run: null,
    epoch: null,
  };

  private constructor(launch: Launch, child: Child, sandbox: string) {
    this.id = launch.id;
    this.#launch = launch;
    this.#child = child;
    this.#sandbox = sandbox;
    void child.ended.then((exit) => {
      this.#state = "ended";
      this.#exit = exit;
    });
    void this.#watchHealth();
  }

  static async start(launch: Launch, place: TaskPlace): Promise<RunningTask> {
    const sandbox = join(place.agentDir, "tasks", launch.id.slice(0, 8));
    mkdirSync(sandbox, { mode: 0o755 });
    chmodSync(sandbox, 0o755); // the application may run as another user, whatever our umask
    const values: PlaceholderValues = { agent: place.agent, agentDir: place.agentDir, sandbox, bind: place.bind };
    const fill = (text: string) => fillPlaceholders(text, values);
    const { argv, env } = launch.definition;
    const child = await startChild({
      argv: argv.map(fill),
      env: {
        ...place.env,
        ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)])),
        [TASK_MARK]: launch.id,
      },
      cwd: sandbox,
      logFile: join(sandbox, "log"),
      stdin: "ignore",
    });
    return new RunningTask(launch, child, sandbox);
  }

  report(): AgentTask {
    return {
      ...{ id: this.id, service: this.#launch.definition.id, version: this.#launch.version, state: this.#state },
      ...{ exitCode: this.#exit.code, signal: this.#exit.signal, ageMs: monotonicMs() - this.#startedMs },
      ...this.#health,
    };
  }

  /** Stop signal now; after the grace SIGKILL to everything of the task, stopped processes included. */
  kill(): void {
    if (this.#state !== "running") return;
    this.#state = "killing";
    signalProcess(this.#child, "SIGTERM");
    this.#killLater().catch((error: unknown) => {
      // Stuck in the kernel, perhaps. The task stays `killing`, which is the truth, and the agent's log says why.
      console.error(`task ${this.id} does not end:`, error);
    });
  }

  async #killLater(): Promise<void> {
    await Promise.race([this.#child.ended, pause(this.#launch.definition.killGraceMs)]);
    if (this.#state === "ended") return;
    const own = carries(`${TASK_MARK}=${this.id}`);
    await killAll(() => findTrees(own), KILL_MS);
  }

  async #watchHealth(): Promise<void> {
    const { intervalMs, timeoutMs } = this.#launch.definition.health;
    const socket = join(this.#sandbox, "status.sock");
    while (this.#state !== "ended") {
      await pause(intervalMs);
      const probe = await probeStatus(socket, timeoutMs);
      if (probe.kind === "silent") {
        this.#health = { ...this.#health, healthFailures: this.#health.healthFailures + 1, says: "unknown" };
        continue;
      }
      const { status, healthy } = probe;
      this.#health = {
        healthFailures: healthy ? 0 : this.#health.healthFailures + 1,
        everHealthy: this.#health.everHealthy || healthy,
        says: saying(status.phase),
        run: status.run,
        epoch: status.epoch,
      };
    }
  }
}

function saying(phase: string): AgentTask["says"] {
  if (phase === "running") return "serving";
  return phase === "connecting" || phase.startsWith("waiting-") ? "waiting" : "unknown";
}

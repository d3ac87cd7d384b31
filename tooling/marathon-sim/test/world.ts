import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "@holdfast/testkit";
import { onTestFinished } from "vitest";
import { type MarathonSim, type MarathonSimOptions, startMarathonSim } from "../src/index.js";
import { send } from "../src/sim.fixture.js";

/** What a writer left: one line per write. */
export interface Write {
  readonly task: string;
  readonly pid: number;
}

export interface ProcessWorld {
  readonly sim: MarathonSim;
  readonly directory: string;
  /** What all writers of the test wrote, in the order of the file. */
  writes(): Write[];
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every shape
  call(method: string, path: string, body?: object): Promise<{ status: number; data: any }>;
  /** The app's tasks as Marathon lists them. */
  tasks(): Promise<Task[]>;
  /** Waits for the one running task, or for what the test says of the list. */
  task(what?: (tasks: readonly Task[]) => Task | undefined): Promise<Task>;
}

export interface Task {
  readonly id: string;
  readonly slaveId: string;
  readonly state: string;
  readonly ports: readonly number[];
}

export const LIMIT = { timeoutMs: 10_000 };

/** A writer that does nothing but append its name to the one file, as fast as a shell can. */
export const WRITER = 'while :; do echo "$MESOS_TASK_ID $$" >> "$WRITES"; sleep 0.02; done';

/** A double with real processes that ends with the test. Limits of flags are at 1 %, seconds of apps at 10 %. */
export async function startWorld(options: Partial<MarathonSimOptions> = {}): Promise<ProcessWorld> {
  const directory = mkdtempSync(join(tmpdir(), "marathon-sim-"));
  const file = join(directory, "writes");
  // A task counts as running when its process exists, which is before its first write.
  writeFileSync(file, "");
  const sim = await startMarathonSim({
    ...{ agents: [{ id: "agent-1" }, { id: "agent-2" }], directory, env: { WRITES: file } },
    timeScale: { flags: 0.01, app: 0.1 },
    ...options,
  });
  onTestFinished(async () => {
    await sim.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const call: ProcessWorld["call"] = async (method, path, body) => {
    const url = new URL(path, sim.urls[0]);
    const { status, data } = await send(url, method, body === undefined ? "" : JSON.stringify(body), {});
    return { status, data };
  };
  const tasks = async () => (await call("GET", "/v2/apps/db/tasks")).data.tasks as Task[];
  return {
    ...{ sim, directory, call, tasks },
    writes: () =>
      readFileSync(file, "utf8")
        .trimEnd()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const [task = "", pid] = line.split(" ");
          return { task, pid: Number(pid) };
        }),
    task: (what = (list) => list.find(({ state }) => state === "TASK_RUNNING")) =>
      until("a task to run", async () => what(await tasks()), LIMIT),
  };
}

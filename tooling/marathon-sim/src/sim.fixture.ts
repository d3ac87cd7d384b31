import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { TaskExit, TaskRuntime } from "./launcher/runtime.js";
import { type MarathonSim, type MarathonSimOptions, startMarathonSim } from "./marathon-sim.js";

/** Tasks without processes: they run until they are killed, and end at once then. */
function createPaperRuntime(): TaskRuntime & { readonly running: ReadonlyMap<string, string> } {
  const running = new Map<string, string>();
  const exits = new Map<string, (exit: TaskExit) => void>();
  const end = (taskId: string) => {
    const onExit = exits.get(taskId);
    exits.delete(taskId);
    running.delete(taskId);
    if (onExit !== undefined) setImmediate(() => onExit({ code: null, signal: "SIGTERM" }));
  };
  const endAll = (test: (agentId: string) => boolean) => {
    for (const [taskId, agentId] of running) if (test(agentId)) end(taskId);
    return Promise.resolve();
  };
  return {
    running,
    start({ taskId }, agentId, onExit) {
      running.set(taskId, agentId);
      exits.set(taskId, onExit);
      return Promise.resolve();
    },
    kill: (taskId) => end(taskId),
    run: () => Promise.resolve(0),
    powerOff: (agentId) => endAll((each) => each === agentId),
    close: () => endAll(() => true),
  };
}

export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as data. @throws when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every shape
  readonly data: any;
}

export interface TestSim extends MarathonSim {
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Response>;
}

export interface CallOptions {
  readonly member?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is, in place of a JSON body. */
  readonly raw?: string;
}

/** A double that ends with the test. */
export async function startTestSim(options: Partial<MarathonSimOptions> = {}): Promise<TestSim> {
  const directory = mkdtempSync(join(tmpdir(), "marathon-sim-"));
  const agents = [{ id: "agent-1" }, { id: "agent-2" }];
  const sim = await startMarathonSim({ agents, directory, runtime: createPaperRuntime(), ...options });
  onTestFinished(async () => {
    await sim.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    ...sim,
    call: (method, path, body, { member = 0, headers = {}, raw } = {}) =>
      send(new URL(path, sim.urls[member]), method, raw ?? (body === undefined ? "" : JSON.stringify(body)), headers),
  };
}

/** Follows nothing and retries nothing. */
export function send(
  url: URL,
  method: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const standard = { accept: "application/json", "content-type": "application/json" };
    const outgoing = httpRequest(url, { method, headers: { ...standard, ...headers }, agent: false }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () =>
        resolve({
          ...{ status: incoming.statusCode ?? 0, headers: incoming.headers, text },
          get data() {
            return JSON.parse(text);
          },
        }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { AGENT_MARK, CLUSTER_MARK, carries, findTrees, killAll } from "../processes.js";
import { AGENT_SILENCE_MS, type AgentResult, encode, lineReader, type ToAgent } from "./protocol.js";
import { RunningTask } from "./task.js";

export interface AgentOptions {
  readonly agent: string;
  readonly host: string;
  readonly port: number;
  readonly tokenFile: string;
  readonly directory: string;
  readonly bind: string;
}

const RECONNECT_MS = 100;
const ENDED_KEPT = 20;
const END_MS = 10_000;

/** One agent: starts and ends tasks as it is told, and goes on by itself while nobody can tell it anything. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const token = readFileSync(options.tokenFile, "utf8").trim();
  const tasks = new Map<string, RunningTask>();
  const env = inheritedEnvironment();
  // The pipe is held by the program that started the cluster: its end means that nobody is left to clean up but us.
  process.stdin.resume();
  process.stdin.once("end", () => void endWithOwner(options.agent));
  for (;;) {
    await serve(options, token, async (request) => {
      const result = await answer(request);
      forgetEnded();
      return result;
    });
    await pause(RECONNECT_MS);
  }

  async function answer(request: ToAgent): Promise<AgentResult> {
    if (request.type === "launch" && !tasks.has(request.launch.id)) {
      const { agent, directory: agentDir, bind } = options;
      tasks.set(request.launch.id, await RunningTask.start(request.launch, { agent, agentDir, bind, env }));
    }
    if (request.type === "kill") tasks.get(request.task)?.kill();
    return { ok: true, tasks: [...tasks.values()].map((task) => task.report()) };
  }

  function forgetEnded(): void {
    const ended = [...tasks.values()].filter((task) => task.report().state === "ended");
    for (const task of ended.slice(0, -ENDED_KEPT)) tasks.delete(task.id);
  }
}

/** Serves one connection until it ends or falls silent. */
function serve(
  options: AgentOptions,
  token: string,
  answer: (request: ToAgent) => Promise<AgentResult>,
): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: options.host, port: options.port });
    socket.setTimeout(AGENT_SILENCE_MS, () => socket.destroy());
    socket.on("connect", () => {
      socket.setNoDelay(true);
      socket.write(encode({ type: "hello", agent: options.agent, token, pid: process.pid }));
    });
    const read = lineReader<ToAgent>((request) => {
      void answer(request)
        .catch((error: unknown): AgentResult => ({ ok: false, error: String(error) }))
        .then((result) => socket.write(encode({ type: "answer", id: request.id, result })));
    });
    socket.on("data", read);
    // An error is followed by the close, and the next connection is tried.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve());
  });
}

/** What tasks get of our own environment; everything of the terminal's stays behind. */
function inheritedEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(PATH|HOME|LANG|TMPDIR|NODE_DEBUG|HOLDFAST_DEV_.*)$/.test(name),
  );
  return Object.fromEntries(kept) as Record<string, string>;
}

async function endWithOwner(agent: string): Promise<void> {
  const own = carries(`${AGENT_MARK}=${agent}`, `${CLUSTER_MARK}=${process.env[CLUSTER_MARK] ?? ""}`);
  await killAll(() => findTrees((pid) => pid !== process.pid && own(pid)), END_MS);
  process.exit(0);
}

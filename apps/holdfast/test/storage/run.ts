import { type ChildProcess, spawn } from "node:child_process";
import { monotonicMs } from "@holdfast/effects";
import { type StorageAgent, until } from "@holdfast/testkit";

export interface LogLine {
  /** When it was read here, on the monotonic clock. */
  readonly atMs: number;
  readonly text: string;
}

/** One `holdfast run` on an agent, seen from the test. */
export interface StorageRun {
  readonly agent: StorageAgent;
  /** Carried in the environment of everything that it started. */
  readonly mark: string;
  readonly lines: readonly LogLine[];
  log(): string;
  /** The first line that matches, once there is one. */
  untilLine(pattern: RegExp, timeoutMs: number): Promise<LogLine>;
  untilExit(timeoutMs: number): Promise<number | string>;
  exit(): number | string | undefined;
  /** To the command on this machine; in a guest it reaches the wrapper as the end of its connection. */
  readonly process: ChildProcess;
}

let counter = 0;

export function startRun(agent: StorageAgent, argv: readonly string[]): StorageRun {
  const mark = `HOLDFAST_STORAGE_TEST=${process.pid}-${counter++}`;
  const [file = "", ...args] = agent.command(["env", mark, ...argv]);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const lines: LogLine[] = [];
  let rest = "";
  let ended: number | string | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) lines.push({ atMs: monotonicMs(), text: line });
    });
  }
  child.on("error", (error) => {
    ended = error.message;
  });
  child.on("close", (code, signal) => {
    ended = code ?? signal ?? "unknown";
  });
  const log = () => lines.map(({ text }) => `${agent.id}: ${text}`).join("\n");
  return {
    agent,
    mark,
    lines,
    log,
    process: child,
    exit: () => ended,
    untilLine: (pattern, timeoutMs) =>
      until(`a line like ${pattern} of ${agent.id}`, () => lines.find(({ text }) => pattern.test(text)), {
        timeoutMs,
        intervalMs: 5,
        seen: log,
      }),
    untilExit: (timeoutMs) => until(`${agent.id} to exit`, () => ended, { timeoutMs, intervalMs: 5, seen: log }),
  };
}

/** Finds what carries the run's mark, on its agent, and signals it; prints how many. */
const SIGNAL_SCRIPT = `
const { readdirSync, readFileSync } = require("node:fs");
const [mark, signal, pattern] = process.argv.slice(1);
let count = 0;
for (const pid of readdirSync("/proc").map(Number).filter((n) => n > 0 && n !== process.pid)) {
  try {
    if (!readFileSync("/proc/" + pid + "/environ", "latin1").split("\\0").includes(mark)) continue;
    const command = readFileSync("/proc/" + pid + "/cmdline", "latin1").replaceAll("\\0", " ");
    if (pattern && !new RegExp(pattern).test(command)) continue;
    if (signal !== "0") process.kill(pid, signal);
    count += 1;
  } catch (error) { if (!["ENOENT", "ESRCH", "EACCES"].includes(error.code)) throw error; }
}
console.log(count);
`;

/** Signals every process of a run, or those whose command line matches. `"0"` only counts. @returns how many there were. */
export async function signalRun(run: StorageRun, signal: NodeJS.Signals | "0", pattern = ""): Promise<number> {
  const output = await onAgent(run.agent, [process.execPath, "-e", SIGNAL_SCRIPT, run.mark, signal, pattern]);
  return Number(output.trim());
}

/** Runs a command on the agent to its end. @throws with its output when it fails. */
export function onAgent(agent: StorageAgent, argv: readonly string[]): Promise<string> {
  const [file = "", ...args] = agent.command(argv);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0
        ? resolve(output)
        : reject(new Error(`${argv.join(" ").slice(0, 200)} on ${agent.id}: ${code}: ${output}`)),
    );
  });
}

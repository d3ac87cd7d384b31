import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { monotonicMs } from "@holdfast/effects";
import { until } from "../../../agents/until.js";
import type { StorageAgent } from "../../world.js";
import { demand } from "../expect.js";

export interface Found {
  readonly epoch: string;
  /** Records per epoch. */
  readonly counts: Readonly<Record<string, number>>;
  /** The first record that is damaged or out of order. */
  readonly broken: string | null;
}

/** One `holdfast run` on an agent, as the suite sees it. */
export interface ExecutableRun {
  readonly agent: StorageAgent;
  /** What its application read at its start; undefined before. */
  found(): Found | undefined;
  startedAtMs(): number | undefined;
  /** How many of its records it called synced, and when the last was. */
  acknowledged(): { readonly count: number; readonly lastMs: number };
  ended(): string | undefined;
  log(): string;
  untilStarted(timeoutMs: number): Promise<Found>;
  untilAcknowledged(count: number, timeoutMs: number): Promise<void>;
  untilEnded(timeoutMs: number): Promise<string>;
  /** To every process of the run, or to the wrapper alone. Returns to how many. */
  signal(signal: NodeJS.Signals | "count", whom?: "all" | "wrapper"): Promise<number>;
}

const LOG_LINES_MAX = 100;
let counter = 0;

/** Finds on the agent what carries the mark, and signals it. The wrapper is the one whose parent does not carry it. */
const SIGNAL_SCRIPT = `
const { readdirSync, readFileSync } = require("node:fs");
const [mark, signal, whom] = process.argv.slice(1);
/** A process may end between any two looks at it, a signal may come too late for it, and what may not be read is none of ours. */
const unlessGone = (act, otherwise) => {
  try { return act(); } catch (error) { if (["ENOENT", "ESRCH", "EACCES"].includes(error.code)) return otherwise; throw error; }
};
const read = (pid, name) => unlessGone(() => readFileSync("/proc/" + pid + "/" + name, "latin1"), "");
const marked = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).map(Number)
  .filter((pid) => pid !== process.pid && read(pid, "environ").split("\\0").includes(mark));
const parent = (pid) => Number(read(pid, "stat").replace(/^.*\\) /s, "").split(" ")[1]);
const chosen = whom === "wrapper" ? marked.filter((pid) => !marked.includes(parent(pid))) : marked;
for (const pid of signal === "count" ? [] : chosen) unlessGone(() => process.kill(pid, signal));
console.log(chosen.length);
`;

export function startExecutable(agent: StorageAgent, argv: readonly string[]): ExecutableRun {
  const mark = `HOLDFAST_CONFORMANCE=${process.pid}-${counter++}`;
  const [file = "", ...args] = agent.command(["env", mark, ...argv]);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  let found: Found | undefined;
  let startedAtMs: number | undefined;
  let count = 0;
  let lastMs = 0;
  let ended: string | undefined;
  const keep = (line: string) => {
    lines.push(line);
    if (lines.length > LOG_LINES_MAX) lines.shift();
  };
  createInterface({ input: child.stderr }).on("line", keep);
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("ack ")) {
      count = Number(line.slice(4)) + 1;
      lastMs = monotonicMs();
    } else if (line.startsWith("found ")) {
      found = JSON.parse(line.slice(6)) as Found;
      startedAtMs = monotonicMs();
    } else keep(line);
  });
  child.on("error", (error) => {
    ended = error.message;
  });
  child.on("exit", (code, signal) => {
    ended = signal ?? `exit code ${code}`;
  });
  const log = () => lines.join("\n");
  const options = (timeoutMs: number) => ({ timeoutMs, intervalMs: 10, seen: log });
  return {
    agent,
    found: () => found,
    startedAtMs: () => startedAtMs,
    acknowledged: () => ({ count, lastMs }),
    ended: () => ended,
    log,
    untilStarted: (timeoutMs) =>
      until(
        `the application on ${agent.id} to start`,
        () => {
          demand(ended === undefined || found !== undefined, `the run on ${agent.id} ended with ${ended}: ${log()}`);
          return found;
        },
        options(timeoutMs),
      ),
    async untilAcknowledged(wanted, timeoutMs) {
      await until(`${wanted} acknowledged records on ${agent.id}`, () => count >= wanted, options(timeoutMs));
    },
    untilEnded: (timeoutMs) => until(`the run on ${agent.id} to end`, () => ended, options(timeoutMs)),
    async signal(signal, whom = "all") {
      return Number(await output(agent, [process.execPath, "-e", SIGNAL_SCRIPT, mark, signal, whom]));
    },
  };
}

/** What a command on an agent prints. @throws Error when it fails. */
export function output(agent: StorageAgent, argv: readonly string[]): Promise<string> {
  const [file = "", ...args] = agent.command(argv);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      errors += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(text);
      else reject(new Error(`${argv.join(" ").slice(0, 200)} on ${agent.id} ended with ${code}: ${errors}${text}`));
    });
  });
}

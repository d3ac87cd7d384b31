import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { until } from "../agents/until.js";

export interface ServerProcessOptions {
  /** For messages. */
  readonly name: string;
  /** A program in the foreground, with its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Put before the command: how to get into the server's network. */
  readonly enter: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** One server program in the foreground, and what can happen to it. It is killed when this process ends, in whatever way. */
export interface ServerProcess {
  readonly name: string;
  readonly running: boolean;
  /** SIGSTOP; resolves when every thread is seen to be stopped. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when the process is gone. One that does not end is killed, and the promise rejects. */
  stop(): Promise<void>;
  /** How it ended and the end of its log. */
  describe(): string;
}

const PAUSE_LIMIT_MS = 5_000;
const STOP_LIMIT_MS = 20_000;
const LOG_LINES = 8;

const living = new Set<ChildProcess>();
let cleanUpInstalled = false;

export function startServerProcess(options: ServerProcessOptions): ServerProcess {
  const log = openSync(options.logFile, "a");
  // PR_SET_PDEATHSIG survives exec: the pid is the server's, and a test runner killed with SIGKILL leaves nothing behind.
  const [file = "", ...args] = [...options.enter, "setpriv", "--pdeathsig", "KILL", "--", ...options.argv];
  const child = spawn(file, args, {
    stdio: ["ignore", log, log],
    ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
  });
  closeSync(log);
  const ended = new Promise<void>((resolve, reject) => {
    child.once("exit", () => {
      living.delete(child);
      resolve();
    });
    child.once("error", reject);
  });
  living.add(child);
  killAllAtExit();
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const describe = () => {
    const state = running() ? "runs" : `ended with ${child.exitCode ?? child.signalCode}`;
    return `${options.name} ${state}: ${tail(options.logFile)}`;
  };
  return {
    name: options.name,
    get running() {
      return running();
    },
    async pause() {
      child.kill("SIGSTOP");
      await until(`${options.name} to stop`, () => isStopped(child.pid ?? -1), {
        timeoutMs: PAUSE_LIMIT_MS,
        intervalMs: 5,
      });
    },
    resume: () => void child.kill("SIGCONT"),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    async stop() {
      child.kill("SIGCONT"); // a stopped process takes SIGTERM only then
      child.kill("SIGTERM");
      try {
        await until(`${options.name} to end`, () => !running(), { timeoutMs: STOP_LIMIT_MS, seen: describe });
      } finally {
        child.kill("SIGKILL");
        await ended;
      }
    },
    describe,
  };
}

/** Whether each thread is stopped: the signal takes effect in one after the other, and until then the others serve. */
function isStopped(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/task`)) throw new Error(`process ${pid} ended instead of stopping`);
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1");
      return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "ENOENT" || code === "ESRCH") return false; // the thread ended in this very moment
      throw error;
    }
  });
}

function tail(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_LINES).join("\n") : "no log";
}

function killAllAtExit(): void {
  if (cleanUpInstalled) return;
  cleanUpInstalled = true;
  process.once("exit", () => {
    for (const child of living) child.kill("SIGKILL");
  });
}

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { childrenOf, SCENE_VARIABLE } from "../agents/processes.js";
import { until } from "../agents/until.js";
import { LOG_SUFFIX } from "../writer/options.js";
import { OWNER_VARIABLE, ownOwner } from "./abandoned.js";

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunSpec {
  readonly scene: string;
  readonly name: string;
  readonly agent: string;
  /** Own directory: log, report, status socket, the writers' logs. */
  readonly directory: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Runs it as the foreground job of a terminal of its own. */
  readonly terminal?: boolean;
}

/** One wrapper that was started, and what it left behind. */
export interface Run {
  readonly name: string;
  readonly agent: string;
  /** The wrapper's own first process: what is put before it only execs. */
  readonly pid: number;
  readonly directory: string;
  /** Undefined while it runs. */
  exit(): ExitStatus | undefined;
  untilExit(timeoutMs: number): Promise<ExitStatus>;
  /** Everything it wrote to stdout and stderr. */
  log(): string;
  /** Writes that its application's processes got acknowledged, by now. */
  acknowledged(): number;
  /** To the wrapper's first process only. */
  signal(signal: NodeJS.Signals): void;
  /** To every process of the wrapper's own process group, as a shell's `kill -- -PGID` does it. */
  signalGroup(signal: NodeJS.Signals): void;
  /** Types into its terminal. */
  type(keys: string): void;
}

/** What a wrapper needs of this process's environment, and what `.ci/run` knows its own processes by; no settings. */
const INHERITED = ["PATH", "HOME", "LANG", "TMPDIR", "HOLDFAST_CI_RUN"] as const;

export function startRun(spec: RunSpec): Run {
  const [file, ...args] = spec.terminal === true ? inTerminal(spec.argv) : spec.argv;
  if (file === undefined) throw new Error("an empty command");
  const environment: Record<string, string> = {
    ...spec.environment,
    [SCENE_VARIABLE]: spec.scene,
    [OWNER_VARIABLE]: ownOwner(),
  };
  for (const name of INHERITED) if (process.env[name] !== undefined) environment[name] = process.env[name];
  const logPath = join(spec.directory, "log");
  const log = openSync(logPath, "a");
  // A file, not a pipe: a wrapper must not wait for this process, nor die with it in a way of its own.
  const child = spawn(file, args, {
    cwd: spec.directory,
    env: environment,
    stdio: [spec.terminal === true ? "pipe" : "ignore", log, log],
    detached: true,
  });
  closeSync(log);
  const ended = exitOf(child);
  const counter = new LineCounter();
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} could not be started`);
  const wrapperPid = () => (spec.terminal === true ? onlyChildOf(pid) : pid);
  return {
    name: spec.name,
    agent: spec.agent,
    get pid() {
      return wrapperPid();
    },
    directory: spec.directory,
    exit: () => ended.status,
    untilExit: (timeoutMs) =>
      until(`${spec.name} to exit`, () => ended.status, {
        timeoutMs,
        intervalMs: 10,
        seen: () => readFileSync(logPath, "utf8"),
      }),
    log: () => readFileSync(logPath, "utf8"),
    acknowledged() {
      const logs = readdirSync(spec.directory).filter((name) => name.endsWith(LOG_SUFFIX));
      // The first line of each is its header.
      return logs.reduce((sum, name) => sum + Math.max(0, counter.lines(join(spec.directory, name)) - 1), 0);
    },
    signal: (signal) => {
      process.kill(wrapperPid(), signal);
    },
    signalGroup: (signal) => {
      process.kill(-wrapperPid(), signal);
    },
    type(keys) {
      if (!child.stdin) throw new Error(`${spec.name} has no terminal`);
      child.stdin.write(keys);
    },
  };
}

/** script(1) gives it a pseudo-terminal, and exits as it does. The shell in between execs. */
function inTerminal(argv: readonly string[]): string[] {
  const quoted = argv.map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
  return ["script", "--quiet", "--return", "--flush", "--command", `exec ${quoted}`, "/dev/null"];
}

function onlyChildOf(pid: number): number {
  const [child] = childrenOf(pid);
  if (child === undefined) throw new Error(`process ${pid} has no child yet`);
  return child.pid;
}

function exitOf(child: ChildProcess): { status: ExitStatus | undefined } {
  const ended: { status: ExitStatus | undefined } = { status: undefined };
  child.once("exit", (code, signal) => {
    ended.status = { code, signal };
  });
  return ended;
}

const NEWLINE = 10;

/** Counts lines of files that only grow, without reading them again. */
class LineCounter {
  readonly #seen = new Map<string, { bytes: number; lines: number }>();

  lines(path: string): number {
    const before = this.#seen.get(path) ?? { bytes: 0, lines: 0 };
    const file = openSync(path, "r");
    try {
      const news = Buffer.alloc(fstatSync(file).size - before.bytes);
      const length = readSync(file, news, 0, news.length, before.bytes);
      let lines = before.lines;
      for (let at = news.indexOf(NEWLINE); at >= 0 && at < length; at = news.indexOf(NEWLINE, at + 1)) lines += 1;
      this.#seen.set(path, { bytes: before.bytes + length, lines });
      return lines;
    } finally {
      closeSync(file);
    }
  }
}

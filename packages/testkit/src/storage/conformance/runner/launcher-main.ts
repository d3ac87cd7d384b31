/**
 * Stands outside the tree on the agent, starts it, and does to it what comes from outside: SIGKILL, SIGSTOP, SIGCONT.
 * Everything else passes through. It dies with the suite (its standard input ends), and the tree with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isOver, look, membersOf, type Seen } from "./process-tree.js";
import type { LauncherCommand, LauncherEvent, LauncherOptions } from "./protocol.js";

const CONTROL = 3;
const STEP_OUTPUT = 4;
/** The suite's own bounds end a tree long before. */
const DEADLINE_NS = 6n * 60n * 60n * 1_000_000_000n;
const STUCK_MS = 5_000;
const LOOK_EVERY_MS = 10;

const options = JSON.parse(process.argv[2] ?? "") as LauncherOptions;
const workDirectory = mkdtempSync(join(tmpdir(), "holdfast-runner-"));
const runner = [
  process.execPath,
  fileURLToPath(new URL("./runner-main.js", import.meta.url)),
  JSON.stringify({ init: options.init, strategy: options.strategy, workDirectory }),
] as const;

/** A call that hangs on a volume keeps its thread. */
const env = { ...process.env, UV_THREADPOOL_SIZE: "64" };

let init: Pick<Seen, "pid" | "startTicks"> | undefined;
let ending = false;
const child = options.tree === "none" ? startBare() : startTree();
pass(child);

function startBare(): ChildProcess {
  const [program, ...args] = runner;
  const started = spawn(program, args, { env, stdio: ["pipe", "pipe", "inherit"] });
  started.on("spawn", () => tell({ launcher: "started", initHostPid: null }));
  return started;
}

function startTree(): ChildProcess {
  const started = spawn(options.init, ["supervise", "--tree", "pid-namespace", "--", ...runner], {
    env,
    stdio: ["pipe", "pipe", "inherit", "pipe", "pipe"],
  });
  const control = started.stdio[CONTROL] as Readable & Writable;
  (started.stdio[STEP_OUTPUT] as Readable).resume(); // there are no steps
  control.on("error", () => undefined); // a dead sentry; its exit says the same
  createInterface({ input: control }).on("line", (line) => {
    const [word, ...fields] = line.split(" ");
    if (word === "hello") {
      init = { pid: Number(fields[2]), startTicks: fields[3] ?? "" };
      control.write(`deadline ${BigInt(fields[5] ?? 0) + DEADLINE_NS}\nstart\n`);
    }
    if (word === "started") tell({ launcher: "started", initHostPid: init?.pid ?? null });
    if (word === "exec" || word === "refused") tell({ launcher: "failed", why: decodeURIComponent(line) });
    if (word === "error") process.stderr.write(`init: ${decodeURIComponent(fields.join(" "))}\n`);
    // The storage process is gone: what it started has no business without it.
    if (word === "exit") end(`the runner ended with ${fields.join(" ")}`);
  });
  return started;
}

function pass(to: ChildProcess): void {
  const input = createInterface({ input: process.stdin });
  input.on("line", (line) => {
    if (line.startsWith('{"launcher":')) obey(JSON.parse(line) as LauncherCommand);
    else to.stdin?.write(`${line}\n`);
  });
  input.on("close", () => end("the suite went away"));
  to.stdin?.on("error", () => undefined); // it ended; its exit is told
  to.stdout?.on("data", (chunk: Buffer) => process.stdout.write(chunk));
  to.on("error", (error) => {
    tell({ launcher: "failed", why: error.message });
    end(error.message);
  });
  to.on("exit", (code, signal) => end(`the tree ended with ${signal ?? code}`));
}

function obey({ launcher }: LauncherCommand): void {
  if (launcher === "kill") end("killed");
  else tell({ launcher: launcher === "stop" ? "stopped" : "resumed", processes: signalTree(launcher) });
}

/** Until no pass finds another one: a process may fork between being seen and being stopped. */
function signalTree(what: "stop" | "resume"): number {
  const signal = what === "stop" ? "SIGSTOP" : "SIGCONT";
  const done = new Set<number>();
  for (;;) {
    const fresh = [...supervisors(), ...members()].filter((pid) => !done.has(pid));
    if (fresh.length === 0) return done.size;
    for (const pid of fresh) {
      done.add(pid);
      send(pid, signal);
    }
  }
}

const supervisors = () => [child.pid, init?.pid].filter((pid) => pid !== undefined);

const members = () => (init === undefined ? [] : membersOf(init.pid));

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function end(how: string): void {
  if (ending) return;
  ending = true;
  finish(how).then(
    () => process.exit(0),
    (error: Error) => {
      process.stderr.write(`${error.stack}\n`);
      process.exit(70);
    },
  );
}

/** The kernel ends the init with the sentry, and all of the namespace with the init. */
async function finish(how: string): Promise<void> {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  const top = init ?? look(child.pid ?? 0);
  const limitMs = performance.now() + STUCK_MS;
  while (top !== undefined && !isOver(top)) {
    if (performance.now() > limitMs) {
      rmSync(workDirectory, { recursive: true, force: true });
      tell({ launcher: "stuck", processes: members().map(describe) });
      return;
    }
    await sleep(LOOK_EVERY_MS);
  }
  rmSync(workDirectory, { recursive: true, force: true });
  tell({ launcher: "gone", how });
}

function describe(pid: number): string {
  return `${pid} in state ${look(pid)?.state ?? "gone"}`;
}

function tell(event: LauncherEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setImmediate, setTimeout } from "node:timers/promises";
import { afterAll, onTestFinished } from "vitest";

/** Where a test may leave files; readable and writable for every user, gone afterwards. */
export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-native-"));
  chmodSync(path, 0o777);
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The binary under test, built from this source once per test file; `HOLDFAST_INIT` names another one. */
export const binary: string = process.env.HOLDFAST_INIT ?? build();

function build(): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-init-"));
  chmodSync(directory, 0o755);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const output = join(directory, "holdfast-init");
  execFileSync(join(import.meta.dirname, "..", "build.sh"), [output], { stdio: ["ignore", "ignore", "inherit"] });
  return output;
}

export const isRoot: boolean = process.getuid?.() === 0;
export const writer: string = join(import.meta.dirname, "writer.mjs");

/** Runs as a user without any right, in place of the current process (so the parent stays the parent). */
export const asNobody: readonly string[] = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];

/**
 * Root without a capability in a user namespace that allows no further one: neither kind of PID namespace can be
 * had there, as in a container without CAP_SYS_ADMIN and with a filter on unshare.
 */
export const confined: readonly string[] = [
  "unshare",
  "--user",
  "--map-root-user",
  "sh",
  "-c",
  'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --bounding-set=-all "$@"',
  "sh",
];

/** The protocol's encoding of a free string. */
export function encode(text: string): string {
  if (text === "") return "%";
  const hex = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return [...Buffer.from(text)]
    .map((byte) => (/[A-Za-z0-9_./:=,@+-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : hex(byte)))
    .join("");
}

/** Polls until `observe` returns something other than undefined or false; fails after `limitMs`. */
export async function until<T>(
  what: string | (() => string),
  observe: () => T | undefined | false,
  limitMs = 10_000,
): Promise<T> {
  const endNs = process.hrtime.bigint() + BigInt(limitMs) * 1_000_000n;
  for (;;) {
    const seen = observe();
    if (seen !== undefined && seen !== false) return seen;
    if (process.hrtime.bigint() > endNs) {
      throw new Error(`not observed within ${limitMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await setTimeout(1);
  }
}

/** A file of /proc/PID; undefined when the process has ended, or is not ours to look into. */
function readProcess(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** State letter of /proc/PID/stat; undefined when there is no such process any more. */
export function stateOf(pid: number): string | undefined {
  return /\) (\S)/.exec(readProcess(pid, "stat") ?? "")?.[1];
}

/** Whether a process still executes. A zombie does not; it only waits for its parent to look. */
export function isLive(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Arguments, each ended by a NUL; empty for a process that has ended. */
export function commandOf(pid: number): string {
  return readProcess(pid, "cmdline") ?? "";
}

/** Processes whose initial environment contains `marker`, zombies excluded (they have none any more). */
export function processesWith(marker: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isLive(pid) && readProcess(pid, "environ")?.includes(marker));
}

/** The same, as soon as there are `count`: in the middle of an exec a process seems to have no environment. */
export function processesOf(tree: Supervised, count: number): Promise<number[]> {
  return until(`${count} processes`, () => {
    const pids = processesWith(tree.marker);
    return pids.length === count && pids;
  });
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Hello {
  readonly tree: string;
  readonly initPid: number;
  readonly startTicks: number;
  readonly monoNs: bigint;
  readonly bootNs: bigint;
  readonly mountProc: string;
}

export interface Supervised {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly hello: Hello;
  /** Everything received so far. */
  readonly lines: readonly string[];
  readonly ended: Promise<Ended>;
  /** In the environment of everything started under the init. */
  readonly marker: string;
  /** What has been read so far; the end of a process may be known before its last output. */
  stdout(): string;
  stepOutput(): string;
  send(...lines: string[]): void;
  /** The first line that starts so, received already or not. */
  expect(prefix: string): Promise<string>;
  /** A deadline this far ahead, on the clock the init uses. */
  bootNsIn(ms: number): bigint;
}

export interface SpawnOptions {
  readonly wrap?: readonly string[];
  readonly options?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly command: readonly string[];
  /** Runs the test's own guard process between us and the sentry; `pid` is then the sentry's all the same. */
  readonly separateGuard?: boolean;
}

let counter = 0;

function collect(stream: Readable): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

export function parseHello(line: string): Hello {
  const [, version, tree = "", pid, ticks, mono = "0", boot = "0", mountProc = ""] = line.split(" ");
  if (version !== "1") throw new Error(`unexpected hello: ${line}`);
  return {
    tree,
    initPid: Number(pid),
    startTicks: Number(ticks),
    monoNs: BigInt(mono),
    bootNs: BigInt(boot),
    mountProc,
  };
}

/** Starts `holdfast-init supervise` and waits for its hello. Whatever of it lives when the test ends is killed. */
export async function supervise(spec: SpawnOptions): Promise<Supervised> {
  const argv = [...(spec.wrap ?? []), binary, "supervise", ...(spec.options ?? []), "--", ...spec.command];
  const [program = "", ...args] = spec.separateGuard
    ? [process.execPath, join(import.meta.dirname, "guard.mjs"), "ignore", ...argv]
    : argv;
  const child = spawn(program, args, {
    env: spec.env ?? process.env,
    stdio: [spec.separateGuard ? "pipe" : "ignore", "pipe", "pipe", "pipe", "pipe"],
  });
  const ended = new Promise<Ended>((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  const stdout = collect(child.stdout as Readable);
  const stepOutput = collect(child.stdio[4] as Readable);
  const control = (spec.separateGuard ? child.stdin : child.stdio[3]) as Writable;
  control.on("error", (error: NodeJS.ErrnoException) => {
    // The other end may die in the middle of a write; what counts is observed elsewhere.
    if (!["EPIPE", "ECONNRESET"].includes(error.code ?? "")) throw error;
  });
  const text = collect((spec.separateGuard ? child.stderr : child.stdio[3]) as Readable);
  const stderr = spec.separateGuard ? () => "" : collect(child.stderr as Readable);
  const lines = (): string[] => text().split("\n").slice(0, -1);
  const expectLine = (prefix: string): Promise<string> =>
    until(
      () => `line "${prefix}…" among ${JSON.stringify(lines())} ${stderr()}`,
      () => lines().find((line) => line.startsWith(prefix)),
    );
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  let sentryPid = child.pid ?? 0;
  const marker = `HOLDFAST_TEST_MARK=${process.pid}-${counter++}-`;
  onTestFinished(async () => {
    for (const pid of [child.pid ?? 0, sentryPid, ...processesWith(marker)])
      if (pid > 0 && isLive(pid)) process.kill(pid, "SIGKILL");
    await until("everything of the test gone", () => processesWith(marker).length === 0 && !isLive(sentryPid));
  });
  if (spec.separateGuard) sentryPid = Number((await expectLine("sentry ")).split(" ")[1]);
  await until("hello or the end", () => hasEnded() || lines().some((line) => line.startsWith("hello ")));
  if (hasEnded()) await ended; // all it wrote is read then
  const first = lines().find((line) => line.startsWith("hello "));
  if (first === undefined) throw new Error(`no hello, but ${JSON.stringify(lines())} ${stderr()}`);
  const hello = parseHello(first);
  control.write(`env ${marker}\n`);
  return {
    process: child,
    pid: sentryPid,
    hello,
    get lines() {
      return lines();
    },
    ended,
    marker,
    stdout,
    stepOutput,
    send: (...commands) => void control.write(commands.map((command) => `${command}\n`).join("")),
    expect: expectLine,
    bootNsIn: (ms) => process.hrtime.bigint() + (hello.bootNs - hello.monoNs) + BigInt(Math.round(ms * 1e6)),
  };
}

/** Starts the application under a deadline far away and returns its pid. */
export async function started(tree: Supervised, deadlineMs = 60_000): Promise<number> {
  tree.send(`deadline ${tree.bootNsIn(deadlineMs)}`, "start");
  return Number((await tree.expect("started ")).split(" ")[1]);
}

/** For messages: what a process is and does. */
function describe(pid: number): string {
  return `${pid} ${commandOf(pid).replaceAll("\0", " ")} ${readProcess(pid, "stat") ?? "gone"}`;
}

/** Ends the tree and returns all that was written to stdout: only then is the last of it surely read. */
export async function finalOutput(tree: Supervised): Promise<string> {
  tree.send("kill");
  await tree.ended;
  return tree.stdout();
}

/** Waits without sleeping until every one of `pids` has stopped executing; returns the monotonic time of that. */
export async function allGone(pids: readonly number[], limitMs = 10_000): Promise<bigint> {
  const endNs = process.hrtime.bigint() + BigInt(limitMs) * 1_000_000n;
  while (pids.some(isLive)) {
    if (process.hrtime.bigint() > endNs) {
      throw new Error(`still live after ${limitMs} ms: ${pids.filter(isLive).map(describe).join("; ")}`);
    }
    await setImmediate();
  }
  return process.hrtime.bigint();
}

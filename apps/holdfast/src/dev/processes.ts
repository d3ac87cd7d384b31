import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";
import { isGone, monotonicMs, type ProcessIdentity, readProcess } from "@holdfast/effects";
import { until } from "./until.js";

/** Every process of a cluster carries these in its environment, and hands them down to whatever it starts. */
export const CLUSTER_MARK = "HOLDFAST_DEV_CLUSTER";
export const AGENT_MARK = "HOLDFAST_DEV_AGENT";
export const TASK_MARK = "HOLDFAST_DEV_TASK";

export interface SeenProcess extends ProcessIdentity {
  readonly state: string;
  readonly ppid: number;
  readonly argv: readonly string[];
}

/** Living processes; a zombie runs nothing. */
export function findProcesses(matches: (pid: number) => boolean): SeenProcess[] {
  return allPids().flatMap((pid) => (matches(pid) ? (lookAt(pid) ?? []) : []));
}

/**
 * Living processes that match, and everything below them: servers such as Redis and PostgreSQL write their titles over
 * the environment that they were started with, so the marks of their parents have to speak for them.
 */
export function findTrees(matches: (pid: number) => boolean): SeenProcess[] {
  const living = allPids().flatMap((pid) => lookAt(pid) ?? []);
  const found = new Set(living.flatMap(({ pid }) => (matches(pid) ? [pid] : [])));
  for (let before = -1; found.size !== before; ) {
    before = found.size;
    for (const { pid, ppid } of living) if (found.has(ppid)) found.add(pid);
  }
  return living.filter(({ pid }) => found.has(pid));
}

function allPids(): number[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

function lookAt(pid: number): SeenProcess | undefined {
  const seen = readProcess(pid);
  if (seen === undefined || isGone(seen)) return undefined;
  return { ...seen, argv: readProcFile(pid, "cmdline").split("\0").slice(0, -1) };
}

/** True for processes that were started with every one of these `NAME=value`. */
export function carries(...marks: readonly `${string}=${string}`[]): (pid: number) => boolean {
  return (pid) => {
    const environment = readProcFile(pid, "environ").split("\0");
    return marks.every((mark) => environment.includes(mark));
  };
}

/** True for processes that work inside a directory: servers stay in their data, whatever they made of their environment. */
export function worksIn(directory: string): (pid: number) => boolean {
  return (pid) => {
    try {
      const cwd = readlinkSync(`/proc/${pid}/cwd`);
      return cwd === directory || cwd.startsWith(`${directory}/`);
    } catch (error) {
      if (isUnreadable(error)) return false;
      throw error;
    }
  };
}

/** True for processes in that network namespace, whatever they made of their environment. */
export function isInNetwork(namespaceFile: string): (pid: number) => boolean {
  const wanted = statSync(namespaceFile).ino;
  return (pid) => {
    try {
      return statSync(`/proc/${pid}/ns/net`).ino === wanted;
    } catch (error) {
      if (isUnreadable(error)) return false;
      throw error;
    }
  };
}

/**
 * Whether a process belongs to the wrapper and not to the application: guard, lock process, sentry, init (native, or
 * what util-linux puts in its place).
 */
export function isWrapper(seen: SeenProcess, guardPid: number): boolean {
  if (seen.pid === guardPid || seen.argv.includes("__lock")) return true;
  const program = basename(seen.argv[0] ?? "");
  return /^holdfast-(lock|init)/.test(program) || program === "unshare" || isNamespaceInit(seen.pid);
}

/** The first process of a PID namespace below ours is an init, whatever it calls itself. */
function isNamespaceInit(pid: number): boolean {
  const inner = /^NSpid:\s+\d+\s+(?:\d+\s+)*(\d+)$/m.exec(readProcFile(pid, "status"))?.[1];
  return inner === "1";
}

/** A signal to exactly that process; false when it was gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (isGone(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

export interface Death {
  /** CLOCK_MONOTONIC just before the first signal. */
  readonly atMs: number;
  readonly killed: readonly SeenProcess[];
}

/**
 * The death of a machine: first everything stands still, then everything is gone. Without the first step the
 * processes killed last would see the others die and act on it, which those of a dead machine cannot.
 */
export async function killLikeMachine(find: () => SeenProcess[], timeoutMs: number): Promise<Death> {
  const stopped = new Map<string, SeenProcess>();
  const key = (seen: SeenProcess) => `${seen.pid}/${seen.startTicks}`;
  const first = find();
  const atMs = monotonicMs();
  for (let fresh = first; fresh.length > 0; fresh = find().filter((seen) => !stopped.has(key(seen)))) {
    for (const seen of fresh) {
      stopped.set(key(seen), seen);
      signalProcess(seen, "SIGSTOP");
    }
  }
  for (const seen of stopped.values()) signalProcess(seen, "SIGKILL");
  await killAll(find, timeoutMs);
  return { atMs, killed: [...stopped.values()] };
}

/** SIGKILL, again and again, until nothing is left. @throws `WAIT_LIMIT` naming what does not end. */
export async function killAll(find: () => SeenProcess[], timeoutMs: number): Promise<void> {
  let left: SeenProcess[] = [];
  await until(
    "processes to end",
    () => {
      left = find();
      for (const seen of left) signalProcess(seen, "SIGKILL");
      return left.length === 0;
    },
    { timeoutMs, intervalMs: 10, seen: () => left.map(describe).join("; ") },
  );
}

function describe(seen: SeenProcess): string {
  return `${seen.pid} (${seen.state}) ${seen.argv.join(" ").slice(0, 120)}`;
}

/** State letter of /proc now: R S D T Z, or `gone`. */
export function stateOf(seen: ProcessIdentity): string {
  const now = readProcess(seen.pid);
  return now === undefined || now.startTicks !== seen.startTicks ? "gone" : now.state;
}

/** Empty when the process is gone or not ours to look into. */
function readProcFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    if (isUnreadable(error)) return "";
    throw error;
  }
}

function isUnreadable(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM";
}

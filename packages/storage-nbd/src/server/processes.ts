import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { HoldfastError } from "@holdfast/core";
import { type SeenServerProcess, serverKindSchema } from "../answer.js";
import type { ServerLaunch } from "./command-lines.js";

/**
 * In the environment of every server process, handed down to whatever it forks: `<state file> <export> <address>`. By
 * it the processes of a volume are found again after any crash, and it says what they serve.
 */
const MARK = "HOLDFAST_NBD";
const SERVERS: ReadonlySet<string> = new Set(serverKindSchema.options);
const POLL_MS = 10;
const KILL_LIMIT_MS = 10_000;
const FORK_LIMIT_MS = 10_000;

export interface MarkedProcess extends SeenServerProcess {
  /** `<export> <address>`. */
  readonly serves: string;
}

/** Living processes of a volume. */
export function processesOf(stateFile: string): MarkedProcess[] {
  return pids().flatMap((pid) => {
    // The name first: it can be read at any time, while the environment of a process that hangs in a page fault may not.
    if (!SERVERS.has(read(`/proc/${pid}/comm`).trim())) return [];
    const mark = environmentOf(pid).find((entry) => entry.startsWith(`${MARK}=${stateFile} `));
    if (mark === undefined || isGone(pid)) return [];
    const command = read(`/proc/${pid}/cmdline`).split("\0").join(" ").trim();
    return [{ pid, command, serves: mark.slice(`${MARK}=${stateFile} `.length) }];
  });
}

/**
 * SIGKILL, until nothing is left that could still write: a process whose main thread is a zombie may have other threads
 * in the middle of a write.
 * @throws `UNKNOWN_OUTCOME` when something hangs in the kernel.
 */
export async function killAll(found: () => readonly MarkedProcess[]): Promise<void> {
  const limitMs = performance.now() + KILL_LIMIT_MS;
  const killed = new Set<number>();
  for (;;) {
    for (const { pid } of found()) {
      killed.add(pid);
      kill(pid);
    }
    const left = [...killed].filter((pid) => !isGone(pid));
    if (left.length === 0 && found().length === 0) return;
    if (performance.now() > limitMs) {
      throw new HoldfastError("UNKNOWN_OUTCOME", `Server processes outlived SIGKILL: ${left.join(", ")}.`, {
        hint: "They hang in the kernel, most likely on the disk below the image. The volume stays with them.",
        retryable: true,
        detail: { pids: left },
      });
    }
    await pause(POLL_MS);
  }
}

/** Starts a server and waits for it to fork into the background. @throws `INTERNAL`, `NOT_FOUND`. */
export async function launch(
  { command, args }: ServerLaunch,
  mark: { readonly stateFile: string; readonly serves: string },
  logFile: string,
): Promise<void> {
  const log = openSync(logFile, "w", 0o600);
  const child = spawn(command, [...args], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, [MARK]: `${mark.stateFile} ${mark.serves}` },
    timeout: FORK_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  closeSync(log);
  const end = await new Promise<string | number>((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => reject(startError(command, error)));
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "nothing"));
  });
  if (end === 0) return;
  throw new HoldfastError("INTERNAL", `${command} did not start (${end}).`, {
    hint: read(logFile).slice(-1_000).trim() || "It said nothing.",
    detail: { command, end },
  });
}

function startError(command: string, cause: NodeJS.ErrnoException): HoldfastError {
  if (cause.code !== "ENOENT") {
    return new HoldfastError("INTERNAL", `${command} could not be started: ${cause.message}.`, {
      hint: "See the message.",
      cause,
    });
  }
  return new HoldfastError("NOT_FOUND", `There is no program ${command} on the server.`, {
    hint: "Install the package that brings it.",
    cause,
  });
}

/** Polls until the condition holds; false when it did not in time. */
export async function waitFor(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const limitMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > limitMs) return false;
    await pause(POLL_MS);
  }
  return true;
}

/** Other processes that have the file open. */
export function openersOf(path: string, except: ReadonlySet<number>): string[] {
  return pids().flatMap((pid) => {
    if (pid === process.pid || except.has(pid) || !descriptorsOf(pid).includes(path)) return [];
    return [`${pid} (${read(`/proc/${pid}/comm`).trim()})`];
  });
}

/** Loop devices on the file. */
export function loopsOn(path: string): string[] {
  return entries("/sys/block").filter(
    (name) => name.startsWith("loop") && read(`/sys/block/${name}/loop/backing_file`).trim() === path,
  );
}

export function ownsSocket(pid: number, inode: string): boolean {
  return descriptorsOf(pid).includes(`socket:[${inode}]`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** No process, or a zombie without a living thread. */
function isGone(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  if (stat === "" || state === "X") return true;
  return state === "Z" && entries(`/proc/${pid}/task`).length <= 1;
}

function environmentOf(pid: number): string[] {
  return read(`/proc/${pid}/environ`).split("\0");
}

function descriptorsOf(pid: number): string[] {
  return entries(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed in the meantime
    }
  });
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Of /proc and /sys, where what was there a moment ago may be gone: then nothing. */
function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

import { spawn } from "node:child_process";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, type DaemonOptions, HoldfastError } from "@holdfast/core";
import { readMounts } from "./mounts.js";
import { runBounded } from "./volume/child.js";
import { explainOutcome } from "./volume/look.js";

const OUTPUT_BYTES_MAX = 8_192;
const GONE_MS = 2_000;
const MOUNT_MS = 5_000;

/** unshare(1) executes the program in its own place, so the process id stays. */
const OWN_MOUNTS = ["unshare", "--mount", "--propagation", "unchanged", "--"] as const;

/**
 * Starts a process in the foreground and leaves it running. It is in a session of its own, so that a signal to the
 * terminal's group does not reach it, and writes to a file, so that it lives on when this process ends.
 */
export async function startDaemon(
  command: string,
  args: readonly string[],
  options: DaemonOptions,
  directory: string,
): Promise<Daemon> {
  const log = join(directory, `${options.name.replaceAll(/[^A-Za-z0-9_.-]/g, "_")}.log`);
  const file = openSync(log, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600);
  if (options.servesMounts === true) await shareMounts(directory);
  const [program, ...rest] = options.servesMounts === true ? [...OWN_MOUNTS, command, ...args] : [command, ...args];
  const child = spawn(program ?? command, rest, {
    detached: true,
    stdio: ["ignore", file, file],
    ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(file);
  const { pid } = await new Promise<{ pid: number }>((resolve, reject) => {
    child.once("spawn", () => resolve({ pid: child.pid as number }));
    child.once("error", (error) => reject(startError(command, error)));
  });
  let ended: string | undefined;
  const gone = new Promise<void>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = signal === null ? `exit code ${code}` : signal;
      resolve();
    });
  });
  child.unref();
  return {
    pid,
    ended: () => ended,
    output: () => readFileSync(log).subarray(-OUTPUT_BYTES_MAX).toString("utf8"),
    async stop(graceMs) {
      for (const [signal, waitMs] of [
        ["SIGTERM", graceMs],
        ["SIGKILL", GONE_MS],
      ] as const) {
        if (ended !== undefined) return;
        child.kill(signal);
        await within(gone, waitMs);
      }
      if (ended !== undefined) return;
      throw new HoldfastError("UNKNOWN_OUTCOME", `${options.name} (process ${pid}) outlived SIGKILL.`, {
        hint: "It hangs in the kernel; its storage tree ends it, or nobody does.",
        detail: { pid },
      });
    },
  };
}

/**
 * Makes the directory a mount of its own that is shared (mount_namespaces(7)): what is mounted below it by a process with
 * a copy of our mounts appears here, too. Everything else is private or a slave, so nothing of ours appears there.
 */
async function shareMounts(directory: string): Promise<void> {
  const mounts = await readMounts();
  const calls = mounts.some(({ mountPoint }) => mountPoint === directory)
    ? [["--make-shared", directory]]
    : [
        ["--bind", directory, directory],
        ["--make-shared", directory],
      ];
  for (const args of calls) {
    const { outcome } = await runBounded(["mount", ...args], MOUNT_MS);
    if (outcome.kind === "code" && outcome.code === 0) continue;
    throw new HoldfastError("DENIED", `mount ${args.join(" ")} failed: ${explainOutcome(outcome)}.`, {
      hint: "Strategies that mount need root and a mount namespace of their own.",
    });
  }
}

function startError(command: string, cause: NodeJS.ErrnoException): HoldfastError {
  if (cause.code === "ENOENT") {
    return new HoldfastError("NOT_FOUND", `There is no program ${command}.`, {
      hint: "Install the package that brings it; see the strategy's README.",
      detail: { command },
      cause,
    });
  }
  return new HoldfastError("INTERNAL", `${command} could not be started: ${cause.message}.`, {
    hint: "See the message.",
    cause,
  });
}

function within(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { HoldfastError } from "@holdfast/core";
import { type ProcessIdentity, readProcess } from "@holdfast/effects";

export interface ChildOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Standard output and error are appended there. */
  readonly logFile: string;
  /** `pipe`: the child sees its end when this process is gone. */
  readonly stdin: "ignore" | "pipe";
}

export interface Child extends ProcessIdentity {
  readonly process: ChildProcess;
  /** Exit code or signal; never rejects. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/**
 * Starts a process in a session of its own: ^C on the terminal reaches this program alone, which then ends
 * everything in order.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const [file, ...args] = options.argv;
  if (file === undefined) throw new Error("a command has at least one word");
  const log = openSync(options.logFile, "a");
  try {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: [options.stdin, log, log],
    });
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) => {
        reject(
          new HoldfastError("COMMAND_NOT_FOUND", `${file} could not be started: ${error.message}`, {
            hint: "Check that it is installed.",
            cause: error,
          }),
        );
      });
    });
    const pid = child.pid ?? -1;
    return { process: child, pid, startTicks: readProcess(pid)?.startTicks ?? "", ended };
  } finally {
    closeSync(log);
  }
}

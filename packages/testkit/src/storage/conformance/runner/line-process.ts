import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

const STDERR_LENGTH_MAX = 4_000;

/** A program that is spoken to in lines. */
export interface LineProcess {
  send(line: string): void;
  /** The end of its standard error. */
  stderr(): string;
  /** Resolves when it is gone, with how. */
  readonly ended: Promise<string>;
  kill(): void;
}

export function startLineProcess(argv: readonly string[], onLine: (line: string) => void): LineProcess {
  const [program = "", ...args] = argv;
  const child: ChildProcess = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_LENGTH_MAX);
  });
  child.stdin?.on("error", () => undefined); // it ended; that is told by `ended`
  const lines = child.stdout === null ? undefined : createInterface({ input: child.stdout }).on("line", onLine);
  // Its lines first, then its end. Not `close`: a process of its tree that hangs in the kernel keeps stderr open.
  const read = new Promise<void>((resolve) => lines?.once("close", resolve) ?? resolve());
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => void read.then(() => resolve(signal ?? `exit code ${code}`)));
  });
  return {
    send: (line) => void child.stdin?.write(line),
    stderr: () => stderr,
    ended,
    kill: () => void child.kill("SIGKILL"),
  };
}

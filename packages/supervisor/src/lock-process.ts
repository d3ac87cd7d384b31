import { spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import { createLineReader, encodeLine, type GuardToLock, type LockToGuard } from "./lock-protocol.js";

/** A lock process, seen from the guard. */
export interface LockHandle {
  readonly pid: number | undefined;
  /** Dropped silently once the process is gone: its exit says so. */
  send(message: GuardToLock): void;
  onMessage(listener: (message: LockToGuard) => void): void;
  /** Called once, after the last message. */
  onExit(listener: (how: string) => void): void;
  /** SIGKILL. */
  kill(): void;
}

const CHANNEL = 3;
/** The channel's end follows the process's within this, or is not waited for. */
const LAST_MESSAGES_MS = 200;

/**
 * Starts a lock process: the channel is its descriptor 3, its messages to people go to our standard error, and our
 * standard input and output, which are the application's, are kept from it.
 */
export function spawnLockProcess(command: { readonly file: string; readonly args: readonly string[] }): LockHandle {
  const child = spawn(command.file, [...command.args], { stdio: ["ignore", "ignore", "inherit", "pipe"] });
  const channel = child.stdio[CHANNEL] as unknown as Duplex;
  let exitListener: ((how: string) => void) | undefined;
  let messageListener: ((message: LockToGuard) => void) | undefined;
  let how: string | undefined;

  const finish = (reason: string) => {
    if (how !== undefined) return;
    how = reason;
    channel.destroy();
    exitListener?.(reason);
  };
  const read = createLineReader<LockToGuard>((message) => messageListener?.(message));
  channel.on("data", (chunk: Buffer) => {
    if (how !== undefined) return;
    try {
      read(chunk);
    } catch (error) {
      // Our own program wrote something that is no message: it is broken, and a fresh one is not.
      child.kill("SIGKILL");
      finish(`it sent what cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  // EPIPE and ECONNRESET mean that it has ended, which the exit says.
  channel.on("error", () => undefined);
  child.on("error", (error) => finish(error.message));
  child.on("exit", (code, signal) => {
    const reason = signal === null ? `exit code ${code}` : signal;
    if (channel.readableEnded || channel.destroyed) return finish(reason);
    const timer = setTimeout(() => finish(reason), LAST_MESSAGES_MS);
    channel.once("close", () => {
      clearTimeout(timer);
      finish(reason);
    });
  });

  return {
    pid: child.pid,
    send(message) {
      if (how === undefined && channel.writable) channel.write(encodeLine(message));
    },
    onMessage(listener) {
      messageListener = listener;
    },
    onExit(listener) {
      exitListener = listener;
      if (how !== undefined) listener(how);
    },
    kill() {
      child.kill("SIGKILL");
    },
  };
}

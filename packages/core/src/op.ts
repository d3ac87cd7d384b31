import type { Instant } from "./instant.js";
import type { MountEntry } from "./mountinfo.js";

export type SecretReference = { readonly file: string } | { readonly env: string };

/** A secret that cannot be printed by accident: `String(secret)` and JSON give `[secret]`. */
export interface Secret {
  /** The value, for the one place that needs it. */
  reveal(): string;
  toString(): string;
  toJSON(): string;
}

export interface ExecOptions {
  /** Milliseconds until SIGKILL. Required: nothing runs without a bound. */
  readonly timeoutMs: number;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Exit codes that are answers and not errors; default `[0]`. */
  readonly okExitCodes?: readonly number[];
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Files on local, trusted file systems, bounded in time and size; never follows a symbolic link at the end. */
export interface OpFiles {
  read(path: string, options: { readonly bytesMax: number }): Promise<Uint8Array | undefined>;
  /** Temporary file, fsync, rename, fsync of the directory. */
  replace(path: string, data: Uint8Array, options?: { readonly mode?: number }): Promise<void>;
  makeDirectory(path: string, options?: { readonly mode?: number }): Promise<void>;
  list(path: string): Promise<readonly string[] | undefined>;
}

export interface Clock {
  now(): Instant;
  /** Wall time for people, ISO 8601. Decides nothing. */
  wallTime(): string;
  /** Resolves after `ms`, rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export type LogLevel = "debug" | "info" | "warn" | "error";
export interface Logger {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * One operation. All effects of a plugin go through it: the one place for redaction, audit, timeouts and fault
 * injection.
 */
export interface Op {
  readonly id: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: OpFiles;
  /** Never through a shell. @throws `INTERNAL` {exitCode, stderr}, `UNKNOWN_OUTCOME` when it had to be killed. */
  exec(command: string, args: readonly string[], options: ExecOptions): Promise<ExecResult>;
  /** Reads /proc/self/mountinfo, which never blocks on a dead mount. */
  mounts(): Promise<readonly MountEntry[]>;
  /** @throws `DENIED`, `NOT_FOUND`. */
  secret(reference: SecretReference): Promise<Secret>;
  progress(done: number, total: number | null, what: string): void;
}

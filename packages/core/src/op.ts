import type { ControlTarget } from "./control.js";
import type { Instant } from "./instant.js";
import type { MountEntry } from "./mountinfo.js";
import type { VolumeEvidence } from "./storage/observation.js";

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
  /** A file or an empty directory; absent is success. */
  remove(path: string): Promise<void>;
}

/**
 * Paths on volumes, which may hang for ever: each call runs in a child of its own and is given up after its limit.
 * @throws `VOLUME_HUNG` {timeoutMs}, `VOLUME_IO_ERROR`, `RECORD_INVALID` (a mark that cannot be read).
 */
export interface OpVolumes {
  /** Evidence about a directory, `locking: "unknown"`; a missing one has `mounted: false`. */
  look(path: string, options: VolumeCallOptions): Promise<VolumeEvidence>;
  /** Write, fsync, read back of a small file. Resolves to the time it took. @throws also `VOLUME_READ_ONLY`. */
  probe(path: string, options: VolumeCallOptions): Promise<{ readonly probeMs: number }>;
  /** syncfs(2): resolves when everything written before is on stable storage or at the server. */
  sync(path: string, options: VolumeCallOptions): Promise<void>;
  usage(path: string, options: VolumeCallOptions): Promise<VolumeUsage>;
}

export interface VolumeCallOptions {
  readonly timeoutMs: number;
}

export interface VolumeUsage {
  readonly spaceBytes: number;
  readonly spaceFreeBytes: number;
  /** Null where the file system does not count them. */
  readonly inodesFree: number | null;
}

export interface DaemonOptions {
  /** For logs and messages. */
  readonly name: string;
  /**
   * It serves a file system (a FUSE client): it is given mounts of its own, of which only those below `workDirectory`
   * are seen by everybody in the tree. Mount there, then bind to the final place. Otherwise it could be the last one
   * to let go of the mounts that it serves itself, and the kernel would wait in its exit for an answer that only it
   * could give: a process that never ends.
   */
  readonly servesMounts?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A process that stays. It ends with the storage tree, whatever becomes of the one that started it. */
export interface Daemon {
  readonly pid: number;
  /** How it ended, in words; undefined while it runs. */
  ended(): string | undefined;
  /** The end of what it wrote to stdout and stderr, for messages. */
  output(): string;
  /** SIGTERM, then SIGKILL after `graceMs`. Resolves when it is gone, or rejects with `UNKNOWN_OUTCOME`. */
  stop(graceMs: number): Promise<void>;
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
  readonly volumes: OpVolumes;
  /** A private directory of this run on a local disk, for sockets and logs. May vanish with the storage tree. */
  readonly workDirectory: string;
  /**
   * Never through a shell. Returns within the limit even when the child hangs in the kernel.
   * @throws `INTERNAL` {exitCode, stderr}, `NOT_FOUND` (no such program), `UNKNOWN_OUTCOME` when it had to be killed.
   */
  exec(command: string, args: readonly string[], options: ExecOptions): Promise<ExecResult>;
  /** Starts a process in the foreground and leaves it running. @throws `NOT_FOUND` when there is no such program. */
  daemon(command: string, args: readonly string[], options: DaemonOptions): Promise<Daemon>;
  /**
   * Runs a command where a server is administered: here, or over ssh. Same errors as `exec`; `DENIED` when ssh refuses
   * the key, `UNKNOWN_OUTCOME` when the connection broke.
   */
  control(target: ControlTarget, args: readonly string[], options: ExecOptions): Promise<ExecResult>;
  /** Reads /proc/self/mountinfo, which never blocks on a dead mount. */
  mounts(): Promise<readonly MountEntry[]>;
  /** @throws `DENIED`, `NOT_FOUND`. */
  secret(reference: SecretReference): Promise<Secret>;
  progress(done: number, total: number | null, what: string): void;
}

import {
  type ExecOptions,
  type ExecResult,
  HoldfastError,
  type Logger,
  type LogLevel,
  type MountEntry,
  type Op,
  type Secret,
} from "@holdfast/core";
import { createFakeClock, type FakeClock } from "./clock.js";

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface FakeLogger extends Logger {
  readonly lines: readonly LogLine[];
}

/** Keeps what was logged. */
export function createFakeLogger(): FakeLogger {
  const lines: LogLine[] = [];
  return { lines, log: (level, message, fields = {}) => void lines.push({ level, message, fields }) };
}

export interface ExecCall {
  readonly command: string;
  readonly args: readonly string[];
  readonly options: ExecOptions;
}

export interface FakeOp extends Op {
  readonly clock: FakeClock;
  readonly logger: FakeLogger;
  readonly execCalls: readonly ExecCall[];
  /** In memory: path → content. */
  readonly fileContents: Map<string, Uint8Array>;
  readonly progressCalls: readonly { readonly done: number; readonly total: number | null; readonly what: string }[];
}

export interface FakeOpOptions {
  readonly signal?: AbortSignal;
  readonly clock?: FakeClock;
  /** What a command answers. A command nobody answers for fails, so that no test depends on one by accident. */
  readonly exec?: (call: ExecCall) => Partial<ExecResult> | undefined | Promise<Partial<ExecResult> | undefined>;
  readonly mounts?: readonly MountEntry[];
  /** File or environment name → value. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** An `Op` without effects: commands are answered by the test, files live in memory. */
export function createFakeOp(options: FakeOpOptions = {}): FakeOp {
  const clock = options.clock ?? createFakeClock();
  const logger = createFakeLogger();
  const execCalls: ExecCall[] = [];
  const fileContents = new Map<string, Uint8Array>();
  const directories = new Set<string>();
  const progressCalls: { done: number; total: number | null; what: string }[] = [];
  const signal = options.signal ?? new AbortController().signal;
  return {
    id: "op-1",
    signal,
    clock,
    logger,
    execCalls,
    fileContents,
    progressCalls,
    files: {
      async read(path, { bytesMax }) {
        const content = fileContents.get(path);
        if (content !== undefined && content.byteLength > bytesMax) {
          throw new HoldfastError("INVALID_SPEC", `${path} has more than ${bytesMax} bytes.`, { hint: "Look at it." });
        }
        return content;
      },
      async replace(path, data) {
        fileContents.set(path, data);
      },
      async makeDirectory(path) {
        directories.add(path);
      },
      async list(path) {
        return listDirectory(path, [...fileContents.keys(), ...directories], directories.has(path));
      },
    },
    async exec(command, args, execOptions) {
      signal.throwIfAborted();
      const call = { command, args, options: execOptions };
      execCalls.push(call);
      const answer = await options.exec?.(call);
      if (answer === undefined) throw new Error(`No answer is prepared for ${[command, ...args].join(" ")}.`);
      const result = { exitCode: 0, stdout: "", stderr: "", ...answer };
      if (!(execOptions.okExitCodes ?? [0]).includes(result.exitCode)) {
        throw new HoldfastError("INTERNAL", `${command} failed with ${result.exitCode}.`, {
          hint: result.stderr,
          detail: { exitCode: result.exitCode, stderr: result.stderr },
        });
      }
      return result;
    },
    mounts: async () => options.mounts ?? [],
    async secret(reference) {
      const name = "file" in reference ? reference.file : reference.env;
      const value = options.secrets?.[name];
      if (value === undefined) throw new HoldfastError("NOT_FOUND", `There is no secret ${name}.`, { hint: "Set it." });
      return fakeSecret(value);
    },
    progress: (done, total, what) => void progressCalls.push({ done, total, what }),
  };
}

function fakeSecret(value: string): Secret {
  return { reveal: () => value, toString: () => "[secret]", toJSON: () => "[secret]" };
}

function listDirectory(path: string, entries: readonly string[], exists: boolean): string[] | undefined {
  const prefix = path.endsWith("/") ? path : `${path}/`;
  const names = new Set<string>();
  for (const entry of entries) {
    const name = entry.startsWith(prefix) ? entry.slice(prefix.length).split("/")[0] : undefined;
    if (name !== undefined && name !== "") names.add(name);
  }
  return names.size === 0 && !exists ? undefined : [...names].sort();
}

import {
  controlArgv,
  type Daemon,
  type ExecOptions,
  type ExecResult,
  HoldfastError,
  type Logger,
  type LogLevel,
  type MountEntry,
  type Op,
  type OpVolumes,
  type Secret,
  type VolumeEvidence,
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
  readonly daemons: readonly FakeDaemon[];
}

export interface FakeDaemon extends Daemon {
  readonly command: string;
  readonly args: readonly string[];
  /** Ends it as if it had died by itself. */
  end(how: string): void;
}

export interface FakeOpOptions {
  readonly signal?: AbortSignal;
  readonly clock?: FakeClock;
  /** What a command answers. A command nobody answers for fails, so that no test depends on one by accident. */
  readonly exec?: (call: ExecCall) => Partial<ExecResult> | undefined | Promise<Partial<ExecResult> | undefined>;
  readonly mounts?: readonly MountEntry[];
  /** Path → what a look sees; a path that is not named is not there. */
  readonly volumes?: Readonly<Record<string, Partial<VolumeEvidence>>>;
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
  const daemons: FakeDaemon[] = [];
  const signal = options.signal ?? new AbortController().signal;
  async function exec(command: string, args: readonly string[], execOptions: ExecOptions): Promise<ExecResult> {
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
  }
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
      async remove(path) {
        fileContents.delete(path);
        directories.delete(path);
      },
      async list(path) {
        return listDirectory(path, [...fileContents.keys(), ...directories], directories.has(path));
      },
    },
    volumes: fakeVolumes(options.volumes ?? {}),
    workDirectory: "/run/holdfast-fake",
    daemons,
    exec,
    async daemon(command, args) {
      signal.throwIfAborted();
      const daemon = fakeDaemon(command, args, daemons.length + 1_000);
      daemons.push(daemon);
      return daemon;
    },
    async control(target, args, execOptions) {
      const [command, ...rest] = controlArgv(target, args);
      return exec(command, rest, execOptions);
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

function fakeDaemon(command: string, args: readonly string[], pid: number): FakeDaemon {
  let ended: string | undefined;
  return {
    pid,
    command,
    args,
    ended: () => ended,
    output: () => "",
    end: (how) => {
      ended ??= how;
    },
    async stop() {
      ended ??= "SIGTERM";
    },
  };
}

/** A volume that is not named is not there; one that is named answers at once. */
function fakeVolumes(volumes: Readonly<Record<string, Partial<VolumeEvidence>>>): OpVolumes {
  const missing = (path: string) =>
    new HoldfastError("VOLUME_IO_ERROR", `There is no ${path}.`, { hint: "Name it in the fake's volumes." });
  return {
    async look(path) {
      const seen = volumes[path];
      return {
        path,
        mounted: seen !== undefined,
        source: "fake",
        fsType: "fake",
        device: "0:1",
        parentDevice: "0:2",
        readOnly: false,
        mark: null,
        epoch: null,
        epochRun: null,
        leaseMs: null,
        empty: false,
        locking: "unknown",
        ...seen,
      };
    },
    async probe(path) {
      if (volumes[path] === undefined) throw missing(path);
      return { probeMs: 1 };
    },
    async sync(path) {
      if (volumes[path] === undefined) throw missing(path);
    },
    async usage(path) {
      if (volumes[path] === undefined) throw missing(path);
      return { spaceBytes: 1_000_000, spaceFreeBytes: 500_000, inodesFree: null };
    },
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

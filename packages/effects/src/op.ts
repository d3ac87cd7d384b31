import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readdir } from "node:fs/promises";
import {
  type Clock,
  type ExecOptions,
  type ExecResult,
  HoldfastError,
  type Logger,
  type Op,
  type OpFiles,
} from "@holdfast/core";
import { execa } from "execa";
import { replaceFile } from "./atomic-file.js";
import { systemClock } from "./clock.js";
import { readMounts } from "./mounts.js";
import { readSecret } from "./secret.js";

export interface OpOptions {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly onProgress?: (done: number, total: number | null, what: string) => void;
}

/** The `op` that plugins get: every effect in one place, each with a bound. */
export function createOp(options: OpOptions): Op {
  const id = randomUUID();
  const { signal, logger } = options;
  return {
    id,
    signal,
    logger,
    clock: options.clock ?? systemClock,
    files,
    exec: (command, args, execOptions) => exec(command, args, execOptions, signal, logger, id),
    mounts: readMounts,
    secret: (reference) => readSecret(reference),
    progress: (done, total, what) => options.onProgress?.(done, total, what),
  };
}

async function exec(
  command: string,
  args: readonly string[],
  options: ExecOptions,
  signal: AbortSignal,
  logger: Logger,
  opId: string,
): Promise<ExecResult> {
  logger.log("debug", "exec", { opId, command, args });
  const result = await execa(command, [...args], {
    reject: false,
    timeout: options.timeoutMs,
    killSignal: "SIGKILL",
    cancelSignal: signal,
    maxBuffer: 16 * 1024 * 1024,
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  if (result.timedOut || result.isCanceled) {
    throw new HoldfastError(
      "UNKNOWN_OUTCOME",
      `${command} was ended before it answered (limit ${options.timeoutMs} ms).`,
      {
        hint: "Observe what it did before calling again.",
        retryable: true,
        cause: result,
      },
    );
  }
  const exitCode = result.exitCode ?? -1;
  if (!(options.okExitCodes ?? [0]).includes(exitCode)) {
    throw new HoldfastError(
      "INTERNAL",
      `${command} failed with ${result.exitCode ?? result.signal ?? result.code ?? "no exit code"}.`,
      {
        hint: result.stderr.slice(0, 2_000),
        detail: { exitCode, stderr: result.stderr.slice(0, 2_000) },
        cause: result,
      },
    );
  }
  return { exitCode, stdout: result.stdout, stderr: result.stderr };
}

const isCode = (error: unknown, code: string) => error instanceof Error && "code" in error && error.code === code;

const files: OpFiles = {
  async read(path, { bytesMax }) {
    let handle: Awaited<ReturnType<typeof open>>;
    try {
      handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      throw error;
    }
    try {
      const buffer = Buffer.alloc(bytesMax + 1);
      const { bytesRead } = await handle.read(buffer, 0, bytesMax + 1, 0);
      if (bytesRead > bytesMax) {
        throw new HoldfastError("INVALID_SPEC", `${path} has more than ${bytesMax} bytes.`, {
          hint: "It is not the file it should be.",
        });
      }
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  },
  replace: (path, data, options) => replaceFile(path, data, options?.mode),
  async makeDirectory(path, options) {
    await mkdir(path, { recursive: true, mode: options?.mode ?? 0o755 });
  },
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      throw error;
    }
  },
};

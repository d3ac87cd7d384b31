import { randomUUID } from "node:crypto";
import {
  type Clock,
  type ControlTarget,
  controlArgv,
  HoldfastError,
  hasCode,
  type Logger,
  type Op,
} from "@holdfast/core";
import { systemClock } from "./clock.js";
import { startDaemon } from "./daemon.js";
import { exec } from "./exec.js";
import { localFiles } from "./local-files.js";
import { readMounts } from "./mounts.js";
import { readSecret } from "./secret.js";
import { createVolumeAccess } from "./volume/access.js";
import type { VolumeTools } from "./volume/tools.js";

export interface OpOptions {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** See `nativeVolumeTools`. */
  readonly volumeTools: VolumeTools;
  /** Made by the caller, who also takes it away. */
  readonly workDirectory: string;
  readonly clock?: Clock;
  readonly onProgress?: (done: number, total: number | null, what: string) => void;
}

/** The `op` that plugins get: every effect in one place, each with a bound. */
export function createOp(options: OpOptions): Op {
  const id = randomUUID();
  const { signal, logger, workDirectory } = options;
  const context = { opId: id, signal, logger };
  return {
    id,
    signal,
    logger,
    clock: options.clock ?? systemClock,
    files: localFiles,
    volumes: createVolumeAccess(options.volumeTools),
    workDirectory,
    exec: (command, args, execOptions) => exec(command, args, execOptions, context),
    async daemon(command, args, daemonOptions) {
      signal.throwIfAborted();
      logger.log("debug", "daemon", { opId: id, command, args });
      return startDaemon(command, args, daemonOptions, workDirectory);
    },
    async control(target, args, execOptions) {
      const [command, ...rest] = controlArgv(target, args);
      try {
        return await exec(command, rest, execOptions, context);
      } catch (error) {
        throw target.kind === "ssh" ? translateSsh(error, target) : error;
      }
    },
    mounts: readMounts,
    secret: (reference) => readSecret(reference),
    progress: (done, total, what) => options.onProgress?.(done, total, what),
  };
}

/** ssh(1) exits with the remote command's status, or with 255 when an error of its own occurred. */
const SSH_ERROR = 255;

function translateSsh(error: unknown, target: Extract<ControlTarget, { kind: "ssh" }>): unknown {
  if (!(error instanceof HoldfastError) || !hasCode(error, "INTERNAL") || error.detail.exitCode !== SSH_ERROR)
    return error;
  const denied = /permission denied|host key verification failed|identity file/i.test(String(error.detail.stderr));
  return new HoldfastError(
    denied ? "DENIED" : "UNKNOWN_OUTCOME",
    `ssh to ${target.user}@${target.host} ${denied ? "was refused" : "broke"}: ${String(error.detail.stderr).trim()}`,
    {
      hint: denied
        ? "Check identityFile and knownHostsFile."
        : "The server may have done it; observe, then call again.",
      retryable: !denied,
      cause: error,
    },
  );
}

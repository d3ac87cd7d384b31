import { type ExecOptions, type ExecResult, HoldfastError, type Logger } from "@holdfast/core";
import { execa } from "execa";

/** From SIGKILL to giving up on the child: one that hangs in the kernel does not end, and is left behind. */
const ABANDON_MS = 250;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const STDERR_LENGTH_MAX = 2_000;

export interface ExecContext {
  readonly opId: string;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Runs a command without a shell. Comes back within its limit in any case, also when the child is in uninterruptible
 * sleep on a dead mount, or when something it started keeps its standard output open.
 */
export async function exec(
  command: string,
  args: readonly string[],
  options: ExecOptions,
  { opId, signal, logger }: ExecContext,
): Promise<ExecResult> {
  signal.throwIfAborted();
  logger.log("debug", "exec", { opId, command, args });
  const child = execa(command, [...args], {
    reject: false,
    timeout: options.timeoutMs,
    killSignal: "SIGKILL",
    cancelSignal: signal,
    maxBuffer: OUTPUT_BYTES_MAX,
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const abandonment = abandoned(options.timeoutMs, signal);
  const result = await Promise.race([child, abandonment.promise]).finally(abandonment.dispose);
  if (result === "abandoned") {
    child.unref();
    throw endedEarly(command, options.timeoutMs);
  }
  if (result.timedOut || result.isCanceled) throw endedEarly(command, options.timeoutMs, result);
  if (result.code === "ENOENT") {
    throw new HoldfastError("NOT_FOUND", `There is no program ${command}.`, {
      hint: "Install the package that brings it; see the strategy's README.",
      detail: { command },
    });
  }
  const exitCode = result.exitCode ?? -1;
  if ((options.okExitCodes ?? [0]).includes(exitCode)) {
    return { exitCode, stdout: result.stdout, stderr: result.stderr };
  }
  const stderr = result.stderr.slice(0, STDERR_LENGTH_MAX);
  throw new HoldfastError(
    "INTERNAL",
    `${command} failed with ${result.exitCode ?? result.signal ?? result.code ?? "no exit code"}.`,
    { hint: stderr === "" ? "It said nothing." : stderr, detail: { exitCode, stderr }, cause: result },
  );
}

function endedEarly(command: string, timeoutMs: number, cause?: unknown): HoldfastError {
  return new HoldfastError("UNKNOWN_OUTCOME", `${command} was ended before it answered (limit ${timeoutMs} ms).`, {
    hint: "Observe what it did before calling again.",
    retryable: true,
    cause,
    detail: { timeoutMs },
  });
}

/** Resolves a little after the child should have been killed. Disposed of, because the signal outlives many commands. */
function abandoned(timeoutMs: number, signal: AbortSignal) {
  let giveUp: (() => void) | undefined;
  const promise = new Promise<"abandoned">((resolve) => {
    giveUp = () => resolve("abandoned");
  });
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number) => timers.push(setTimeout(() => giveUp?.(), ms).unref());
  const onAbort = () => after(ABANDON_MS);
  after(timeoutMs + ABANDON_MS);
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    promise,
    dispose() {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}

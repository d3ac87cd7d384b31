import { constants } from "node:os";
import { signalExitCode } from "@holdfast/core";

/** Why something was ended from outside; the exit code says so too. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM" | "SIGHUP") {
    super(`ended by ${signal}`);
    this.exitCode = signalExitCode(constants.signals[signal]);
  }
}

/**
 * Runs something that must clean up after itself, and aborts it on the first signal; further ones change nothing,
 * because the cleaning up must not be cut short. Sets the exit code when it was interrupted.
 */
export async function untilStopped(run: (stop: AbortController) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const signals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
    const listener = () => {
      if (stop.signal.aborted) process.stderr.write("holdfast: still ending everything\n");
      else stop.abort(new Interrupted(signal));
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  try {
    await run(stop);
  } catch (error) {
    const { reason } = stop.signal;
    if (!(reason instanceof Interrupted)) throw error;
    // What failed, failed because of the interruption, unless it says otherwise.
    if (error !== reason && !(error instanceof Error && error.name === "AbortError")) throw error;
    process.stderr.write(`holdfast: ${reason.message}\n`);
    process.exitCode = reason.exitCode;
  } finally {
    for (const { signal, listener } of signals) process.off(signal, listener);
  }
}

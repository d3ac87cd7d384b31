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
    // An error of its own, of the cleaning up for example, is more telling than the signal.
    if (!(error instanceof Interrupted)) throw error;
    process.stderr.write(`holdfast: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } finally {
    for (const { signal, listener } of signals) process.off(signal, listener);
  }
}

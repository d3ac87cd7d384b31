import { constants } from "node:os";
import { signalExitCode } from "@holdfast/core";

/** Why something was ended from outside; the exit code says so too. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE") {
    super(`ended by ${signal}`);
    this.exitCode = signalExitCode(constants.signals[signal]);
  }
}

/**
 * Runs something that must clean up after itself, and aborts it on the first signal, when nobody reads its output any
 * more, and on a defect; what comes later changes nothing, because the cleaning up must not be cut short. Sets the exit
 * code when it was interrupted.
 */
export async function untilStopped(run: (stop: AbortController) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const stopListening = listen({
    onSignal(signal) {
      if (stop.signal.aborted) process.stderr.write("holdfast: still ending everything\n");
      else stop.abort(new Interrupted(signal));
    },
    // Repeated by every later write; only the first one counts.
    onOutputGone: () => stop.abort(new Interrupted("SIGPIPE")),
    onDefect: (error) => stop.abort(error),
  });
  try {
    await run(stop);
  } catch (error) {
    // An error of its own, of the cleaning up for example, is more telling than the signal.
    if (!(error instanceof Interrupted)) throw error;
    process.stderr.write(`holdfast: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } finally {
    stopListening();
  }
}

interface Listeners {
  readonly onSignal: (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => void;
  readonly onOutputGone: () => void;
  readonly onDefect: (error: unknown) => void;
}

function listen({ onSignal, onOutputGone, onDefect }: Listeners): () => void {
  const signals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => ({ signal, on: () => onSignal(signal) }));
  for (const { signal, on } of signals) process.on(signal, on);
  process.on("uncaughtException", onDefect);
  // These two stay: what is written to a closed pipe on the way out must not end the way out.
  process.stdout.on("error", onOutputGone);
  process.stderr.on("error", onOutputGone);
  return () => {
    for (const { signal, on } of signals) process.off(signal, on);
    process.off("uncaughtException", onDefect);
  };
}

import { HoldfastError, type Op } from "@holdfast/core";
import type { ExitFacts } from "./file-systems.js";

const POLL_MS = 100;

/** Runs a checker to its end, and shows how far it is meanwhile. @throws `UNKNOWN_OUTCOME` after the limit. */
export async function longRun(
  op: Op,
  command: string,
  args: readonly string[],
  options: { readonly name: string; readonly timeoutMs: number; readonly onOutput?: (output: string) => void },
): Promise<ExitFacts> {
  const daemon = await op.daemon(command, args, { name: options.name });
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    options.onOutput?.(daemon.output());
    const ended = daemon.ended();
    if (ended !== undefined) {
      const exitCode = Number(/^exit code (\d+)$/.exec(ended)?.[1] ?? Number.NaN);
      if (!Number.isNaN(exitCode)) return { exitCode, output: daemon.output() };
      throw new HoldfastError("UNKNOWN_OUTCOME", `${command} was ended by ${ended}.`, {
        hint: "Check the volume again.",
        retryable: true,
      });
    }
    if (waitedMs >= options.timeoutMs) {
      await daemon.stop(2_000);
      throw new HoldfastError("UNKNOWN_OUTCOME", `${command} did not finish within ${options.timeoutMs} ms.`, {
        hint: "Set repairTimeoutMs to what the volume needs; what was repaired so far is kept.",
        retryable: true,
      });
    }
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

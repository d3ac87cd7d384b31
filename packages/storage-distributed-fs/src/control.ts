import { type ExecOptions, type ExecResult, HoldfastError, hasCode, type Op } from "@holdfast/core";
import type { CommonOptions } from "./common-options.js";

/**
 * Asks the administration targets in turn, going on to the next where one cannot be reached. Only for commands that may be
 * run twice: the one before may have done it and lost its answer.
 */
export async function control(
  op: Op,
  options: Pick<CommonOptions, "control" | "controlTimeoutMs">,
  args: readonly string[],
  more: Omit<ExecOptions, "timeoutMs"> & {
    /** This answer says that the target itself could not reach the servers. */
    readonly isUnreachable?: (result: ExecResult) => boolean;
  } = {},
): Promise<ExecResult> {
  const { isUnreachable, ...execOptions } = more;
  let last: unknown = new HoldfastError("UNSUPPORTED", "No administration target is configured.", {
    hint: "Set `control` in the volume's options to where the servers are administered.",
  });
  for (const target of options.control) {
    try {
      const result = await op.control(target, args, { ...execOptions, timeoutMs: options.controlTimeoutMs });
      if (isUnreachable?.(result) !== true) return result;
      last = new HoldfastError("BUSY", `The target cannot reach the servers: ${result.stderr.trim()}`, {
        hint: "See whether the daemon that it administers runs.",
        retryable: true,
      });
    } catch (error) {
      if (!hasCode(error, "UNKNOWN_OUTCOME", "DENIED", "NOT_FOUND")) throw error;
      last = error;
    }
  }
  throw last;
}

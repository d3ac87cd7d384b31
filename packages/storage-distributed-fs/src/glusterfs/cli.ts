import { HoldfastError, type Op } from "@holdfast/core";
import { control } from "../control.js";
import type { GlusterfsOptions } from "./options.js";
import { parseAnswer, parseVolumeInfo, type VolumeInfo } from "./xml.js";

const RETRY_MS = 300;

/**
 * Runs the gluster command and gives its XML. One transaction per volume at a time is all that glusterd does, and a peer that
 * went away without a word makes the first one after that fail (`Locking failed`): both are tried again within the limit.
 * @throws `NOT_FOUND`: no such volume. `BUSY`: still under way, or no glusterd could be reached.
 */
export async function gluster(op: Op, options: GlusterfsOptions, args: readonly string[]): Promise<string> {
  const deadlineMs = op.clock.now().monoMs + options.controlTimeoutMs;
  while (true) {
    const { stdout, stderr } = await control(op, options, ["--mode=script", "--xml", ...args], {
      okExitCodes: [0, 1],
      isUnreachable: (result) => parseAnswer(result.stdout) === undefined,
    });
    const answer = parseAnswer(stdout);
    if (answer?.ok === true) return stdout;
    const problem = answer?.problem ?? stderr.trim();
    const error = explainProblem(problem, args);
    if (!error.retryable || op.clock.now().monoMs > deadlineMs) throw error;
    await op.clock.sleep(RETRY_MS, op.signal);
  }
}

/** Pure. */
function explainProblem(problem: string, args: readonly string[]): HoldfastError {
  const what = `gluster ${args.slice(0, 3).join(" ")}: ${problem}`;
  if (/another transaction|locking failed|lock.* failed|please try again/i.test(problem)) {
    return new HoldfastError("BUSY", what, {
      hint: "Another command is under way, or a server has just gone: glusterd notices that after `ping-timeout` in glusterd.vol.",
      retryable: true,
    });
  }
  if (/volume .*does not exist/i.test(problem)) {
    return new HoldfastError("NOT_FOUND", what, { hint: "Create the volume, or correct `volume` in the options." });
  }
  return new HoldfastError("INTERNAL", what, { hint: "See glusterd's log on the server.", detail: { problem } });
}

/** Undefined: the servers know no such volume. */
export async function readVolume(op: Op, options: GlusterfsOptions): Promise<VolumeInfo | undefined> {
  try {
    return parseVolumeInfo(await gluster(op, options, ["volume", "info", options.volume]), options.volume);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "NOT_FOUND" && error.retryable === false) {
      if (/does not exist/i.test(error.message)) return undefined;
    }
    throw error;
  }
}

/** @throws `NOT_FOUND`. */
export async function needVolume(op: Op, options: GlusterfsOptions): Promise<VolumeInfo> {
  const info = await readVolume(op, options);
  if (info !== undefined) return info;
  throw explainProblem(`volume ${options.volume} does not exist`, ["volume", "info", options.volume]);
}

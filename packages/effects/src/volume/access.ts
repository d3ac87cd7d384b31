import { HoldfastError, type OpVolumes, type VolumeEvidence, type VolumeUsage } from "@holdfast/core";
import { readMounts } from "../mounts.js";
import { runBounded } from "./child.js";
import { explainOutcome, interpretLook } from "./look.js";
import { interpretProbe, settleFailure } from "./probe.js";
import type { VolumeTools } from "./tools.js";

/** Volumes as plugins may touch them: every call in a child of its own, given up after its limit. */
export function createVolumeAccess(tools: VolumeTools): OpVolumes {
  return {
    async look(path, { timeoutMs }): Promise<VolumeEvidence> {
      const { outcome, output } = await runBounded([...tools.read, path], timeoutMs);
      const result = interpretLook(path, outcome, output, await readMounts());
      if (result.kind === "problem") throw problemError(result.problem);
      return result.look.evidence;
    },
    async probe(path, { timeoutMs }) {
      const { outcome, output } = await runBounded([...tools.write, path], timeoutMs);
      const result = interpretProbe(path, outcome, output);
      if (result.kind !== "ok") throw problemError(result.problem);
      return { probeMs: result.probeUs / 1_000 };
    },
    async sync(path, { timeoutMs }) {
      const { outcome, output } = await runBounded([...tools.settle, path], timeoutMs);
      const failure = settleFailure(outcome, output);
      if (failure === null) return;
      throw new HoldfastError(
        outcome.kind === "timeout" ? "VOLUME_HUNG" : "VOLUME_IO_ERROR",
        `${path} could not be written back: ${failure}.`,
        {
          hint: "Data of dead processes may still be on its way to the server.",
          detail: { timeoutMs },
        },
      );
    },
    async usage(path, { timeoutMs }): Promise<VolumeUsage> {
      const { outcome, output } = await runBounded(
        ["stat", "--file-system", "--format=%S %b %a %c %d", path],
        timeoutMs,
      );
      const [block = 0, blocks = 0, free = 0, inodes = 0, inodesFree = 0] = output.trim().split(" ").map(Number);
      if (outcome.kind === "code" && outcome.code === 0 && block > 0) {
        return { spaceBytes: block * blocks, spaceFreeBytes: block * free, inodesFree: inodes > 0 ? inodesFree : null };
      }
      throw new HoldfastError(
        outcome.kind === "timeout" ? "VOLUME_HUNG" : "VOLUME_IO_ERROR",
        `${path} does not say how full it is: ${explainOutcome(outcome)}.`,
        {
          hint: "See the server or the disk behind it.",
          detail: { timeoutMs },
        },
      );
    },
  };
}

function problemError({
  code,
  message,
  hint,
}: {
  code: HoldfastError["code"];
  message: string;
  hint: string;
}): HoldfastError {
  return new HoldfastError(code, message, { hint, retryable: code === "VOLUME_HUNG" });
}

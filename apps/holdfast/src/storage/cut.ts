import { errorCode, type Logger } from "@holdfast/core";
import type { CutReport } from "@holdfast/supervisor";
import { loadVolumes, readSpec, specOp } from "./load.js";

const silent: Logger = { log: () => undefined };

/**
 * Both trees are dead: takes away what they left in the network or in the kernel, and says whether anything may still
 * reach the storage. Bounded by its caller.
 */
export async function cutVolumes(directory: string): Promise<CutReport> {
  const spec = readSpec(directory);
  const op = specOp(spec, { directory, signal: new AbortController().signal, logger: silent });
  const evidence: string[] = [];
  const left: string[] = [];
  // Each one, whatever became of those before it.
  for (const { strategy, volume } of await loadVolumes(spec)) {
    try {
      const result = await strategy.cut(op, volume);
      if (result.kind === "cut") evidence.push(result.evidence);
      else left.push(result.needsFence);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      left.push(`${volume.mountPath}: ${errorCode(error) ?? "INTERNAL"}: ${message}`);
    }
  }
  if (left.length > 0) return { kind: "incomplete", needsFence: left.join("; ") };
  return { kind: "cut", evidence: evidence.join("; ") };
}

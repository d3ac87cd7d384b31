import { hasCode, mountOf } from "@holdfast/core";
import { createVolumeAccess, interpretLook, readMounts, runBounded, type VolumeTools } from "@holdfast/effects";
import { claimHolder } from "./claim.js";
import type { PathObservation, Usage } from "./observation.js";

/**
 * Looks at a path in a child process and gives it up after the limit: a mount whose server is gone hangs whoever touches
 * it. /proc/self/mountinfo never does, so even of a hung path it can be said what it is.
 */
export async function observePath(path: string, tools: VolumeTools, timeoutMs: number): Promise<PathObservation> {
  const { outcome, output } = await runBounded([...tools.read, path], timeoutMs);
  const mounts = await readMounts();
  const result = interpretLook(path, outcome, output, mounts);
  if (result.kind === "problem") {
    const mount = mountOf(mounts, path) ?? null;
    return { kind: "problem", path, problem: result.problem, mount };
  }
  const usage = result.look.evidence.mounted ? await usageOf(path, tools, timeoutMs) : null;
  const claim = result.look.claimFile === "present" ? await claimHolder(path, timeoutMs) : null;
  return { kind: "seen", path, look: result.look, usage, claim };
}

/** Null where the file system does not tell, which is no reason against it. */
async function usageOf(path: string, tools: VolumeTools, timeoutMs: number): Promise<Usage | null> {
  try {
    return await createVolumeAccess(tools).usage(path, { timeoutMs });
  } catch (error) {
    if (hasCode(error, "VOLUME_IO_ERROR", "VOLUME_HUNG")) return null;
    throw error;
  }
}

import type { RequestRecord } from "@holdfast/core";

/** Moments that were seen, milliseconds since the wish was written; null = not seen. */
export interface HandoverMoments {
  readonly releasedMs: number | null;
  readonly takenMs: number | null;
  /** The controller side is done; null where there is none. */
  readonly attachedMs: number | null;
  readonly startedMs: number | null;
}

export interface SplitPart {
  readonly name: "stop" | "lease" | "fence" | "attach" | "mount and start" | "total";
  readonly ms: number;
  readonly what: string;
}

/**
 * Pure: where the time went. Fence and attach are the journal's own numbers; the rest is what was seen from here.
 * @param ownFenceMs - what this command itself spent on a fence, while the lease ran out.
 */
export function timeSplit(
  moments: HandoverMoments,
  request: RequestRecord | undefined,
  ownFenceMs = 0,
): readonly SplitPart[] {
  const { releasedMs, takenMs, startedMs } = moments;
  const parts: SplitPart[] = [];
  if (releasedMs !== null) parts.push({ name: "stop", ms: releasedMs, what: "from the wish to the release" });
  if (takenMs === null) return parts;
  const what =
    releasedMs === null ? "from the wish to the next grant, without a release" : "from there to the next grant";
  parts.push({ name: "lease", ms: Math.max(0, takenMs - (releasedMs ?? 0) - ownFenceMs), what });
  const spent = (verbs: readonly string[]) =>
    (request?.steps ?? [])
      .filter(({ verb }) => verbs.includes(verb))
      .reduce((sum, { tookMs }) => sum + (tookMs ?? 0), 0);
  const fenceMs = spent(["fence"]);
  const attachMs = spent(["attach", "detach", "unfence"]);
  if (request !== undefined || ownFenceMs > 0) {
    parts.push({ name: "fence", ms: fenceMs + ownFenceMs, what: "former holders cut off at the storage" });
  }
  if (request !== undefined) {
    parts.push({ name: "attach", ms: attachMs, what: "detach, unfence, attach" });
  }
  if (startedMs !== null) {
    const restMs = Math.max(0, startedMs - takenMs - fenceMs - attachMs);
    parts.push({ name: "mount and start", ms: restMs, what: "check, mount, verify, claim, start" });
    parts.push({ name: "total", ms: startedMs, what: "from the wish to the start of the application" });
  }
  return parts.map((part) => ({ ...part, ms: Math.round(part.ms) }));
}

import type { RunStatus } from "./records/report.js";

export interface HealthVerdict {
  readonly healthy: boolean;
  readonly why: string;
}

/**
 * Pure: what `holdfast health` answers. Healthy while waiting, preparing, repairing or restoring within the
 * phase's stated limit, because a scheduler that kills a waiting run only makes it wait again.
 */
export function decideHealth(status: RunStatus): HealthVerdict {
  if (status.phase === "ended") return { healthy: false, why: "the run has ended" };
  if (status.phaseLimitMs !== null && status.phaseMs > status.phaseLimitMs) {
    return {
      healthy: false,
      why: `${status.phase} for ${Math.round(status.phaseMs)} ms, limit ${status.phaseLimitMs} ms`,
    };
  }
  if (status.phase === "waiting-for-lease" || status.phase === "waiting-for-claim") {
    return { healthy: true, why: `${status.phase}${status.holder === null ? "" : `, held by ${status.holder}`}` };
  }
  return { healthy: true, why: status.phase };
}

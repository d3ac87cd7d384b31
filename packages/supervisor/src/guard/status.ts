import { type RunStatus, remainingMs } from "@holdfast/core";
import type { Reading } from "./events.js";
import type { GuardState, Phase } from "./state.js";

const STARTING_LIMIT_MS = 60_000;

/** What the run says of itself. Pure. */
export function describeStatus(state: GuardState, at: Reading): RunStatus {
  const { grant, lock, renewal, config, volume } = state;
  const leftMs = grant === null ? null : remainingMs(grant.cut, at.now);
  return {
    v: 1,
    service: config.service,
    run: grant?.run ?? "",
    pid: state.guardPid,
    phase: publicPhase(state),
    phaseMs: at.now.monoMs - state.phaseSinceMs,
    phaseLimitMs: phaseLimitMs(state),
    epoch: grant?.epoch ?? null,
    holder: describeHolder(state),
    leaseMarginMs: leftMs,
    leaseMarginMsMin: leftMs === null ? renewal.marginMsMin : Math.min(leftMs, renewal.marginMsMin ?? leftMs),
    renewals: renewal.confirmed,
    lockProcessRestarts: lock.restarts,
    volumeCheckAgeMs: volume.checkedAtMs === null ? null : at.now.monoMs - volume.checkedAtMs,
    eventLoopDelayMsMax: lock.eventLoopDelayMsMax,
    protection: state.protection,
    grade: config.grade,
    takeover: [...state.laps],
    progress: state.progress,
  };
}

function describeHolder(state: GuardState): string | null {
  const { holder } = state.lock;
  if (state.phase === "waiting-for-claim") {
    const { last } = state.volume;
    return last === null ? null : `run ${last.run} on ${last.agent}`;
  }
  return holder === null ? null : `run ${holder.run} on ${holder.agent}`;
}

const PHASES: Readonly<Record<Phase, RunStatus["phase"]>> = {
  starting: "connecting",
  candidate: "waiting-for-lease",
  preparing: "preparing",
  "waiting-for-claim": "waiting-for-claim",
  running: "running",
  stopping: "stopping",
  demoting: "stopping",
  killing: "stopping",
  settling: "releasing",
  releasing: "releasing",
  leaving: "releasing",
  ended: "ended",
};

function publicPhase(state: GuardState): RunStatus["phase"] {
  return state.phase === "candidate" && state.lock.connected === null ? "connecting" : PHASES[state.phase];
}

/** After which a check calls the phase stuck; waiting for others has no limit of its own. */
function phaseLimitMs({ phase, config, limits, lock }: GuardState): number | null {
  switch (phase) {
    case "candidate":
      return lock.connected === null ? STARTING_LIMIT_MS : null;
    case "waiting-for-claim":
    case "running":
    case "ended":
      return null;
    case "starting":
      return STARTING_LIMIT_MS;
    case "preparing":
      return config.attachTimeoutMs * 2;
    case "stopping":
    case "demoting":
      return config.timing.leaseMs;
    case "killing":
      return limits.leftoverMs * 2;
    case "settling":
      // Unmounting, the end of the storage tree, and the cut.
      return (limits.settleMs + (config.storage === null ? 0 : limits.leftoverMs + limits.cutMs)) * 2;
    case "releasing":
    case "leaving":
      return limits.releaseMs * 2;
  }
}

import type { InitReport } from "../init/protocol.js";
import { startReplicaWhenReady } from "./boot.js";
import { claimLeftover, describeFormer } from "./claim-holder.js";
import { continuePreparing } from "./prepare.js";
import { isReplicating } from "./promotion.js";
import { fail } from "./stop.js";
import { inPhase, isEnding, type Turn } from "./turn.js";

/**
 * The claim is evidence and never authority: held by somebody else it refuses a start, held by us it permits nothing.
 */
const RETRY_MS = 100;
const RETRY_MS_MAX = 500;

export function askClaim(turn: Turn): void {
  const { config } = turn.state;
  if (config.volume === null) return;
  turn.set({ claim: "asked" });
  turn.toInit({ type: "claim", path: `${config.volume.path}/.holdfast/claim` });
  turn.arm("claim-answer", config.volume.timeoutMs);
}

export function onClaim(turn: Turn, report: Extract<InitReport, { type: "claim" }>): void {
  if (turn.state.claim !== "asked" || isEnding(turn.state)) return;
  turn.disarm("claim-answer");
  switch (report.result) {
    case "ok":
      return onClaimed(turn);
    case "held":
      return onHeld(turn);
    case "error":
      return onClaimError(turn, report.errno, report.message);
  }
}

function onClaimed(turn: Turn): void {
  const { preparation, config, grant } = turn.state;
  turn.set({ claim: "ours" });
  turn.disarm("claim-retry", "claim-limit", "claim-fence");
  turn.lap("claim");
  if (inPhase(turn.state, "waiting-for-claim")) {
    turn.log("info", "the claim is ours");
    turn.enter(grant === null ? "starting" : "preparing");
    // Whoever had it may have changed what was read before.
    turn.set({ preparation: { ...preparation, verify: "to-do" } });
    if (grant !== null) turn.arm("prepare-limit", config.attachTimeoutMs);
  }
  if (grant !== null) return continuePreparing(turn);
  if (isReplicating(turn.state)) startReplicaWhenReady(turn);
}

function onHeld(turn: Turn): void {
  const { config, claimTries, grant } = turn.state;
  turn.set({ claim: "held", claimTries: claimTries + 1 });
  if (!inPhase(turn.state, "waiting-for-claim")) {
    turn.enter("waiting-for-claim");
    turn.disarm("prepare-limit");
    turn.log(
      "warn",
      `the claim on ${config.volume?.path ?? "the volume"} is held by another process; ${describeFormer(turn)}`,
    );
    if (config.claimWaitMs === 0) return onClaimLimit(turn);
    if (config.claimWaitMs !== null) turn.arm("claim-limit", config.claimWaitMs);
    // Under a grant: a claim that a replica waits for is nobody's to fence.
    if (grant !== null && config.storage?.claimFenceMs != null) turn.arm("claim-fence", config.storage.claimFenceMs);
  }
  turn.arm("claim-retry", Math.min(RETRY_MS * (claimTries + 1), RETRY_MS_MAX));
}

export function onClaimRetry(turn: Turn): void {
  if (turn.state.claim === "held") askClaim(turn);
}

export function onClaimLimit(turn: Turn): void {
  const { config, grant, leftover } = turn.state;
  const path = config.volume?.path ?? "the volume";
  if (grant !== null) turn.set({ leftover: leftover ?? claimLeftover(turn) });
  const message = `Another process still holds the claim on ${path}; ${describeFormer(turn)}.`;
  const hint =
    "Find and end that process, or fence its agent. `holdfast claim break` is for a holder that is proven dead.";
  fail(turn, { code: "CLAIM_HELD", message, hint }, "kill");
}

function onClaimError(turn: Turn, errno: number, detail: string): void {
  const path = turn.state.config.volume?.path ?? "the volume";
  const message = `The claim on ${path} cannot be taken: ${detail}.`;
  const isReadOnly = errno === 30;
  const hint = isReadOnly
    ? "The volume is read-only."
    : "See the permissions of .holdfast/claim, and whether this file system has locks.";
  fail(turn, { code: isReadOnly ? "VOLUME_READ_ONLY" : "VOLUME_IO_ERROR", message, hint }, "kill");
}

export function onClaimTimer(turn: Turn): void {
  const { config } = turn.state;
  turn.toInit({ type: "unclaim" });
  const message = `Taking the claim on ${config.volume?.path ?? "the volume"} did not finish within ${config.volume?.timeoutMs ?? 0} ms.`;
  fail(turn, { code: "VOLUME_HUNG", message, hint: "See the server or the disk behind it." }, "kill");
}

import { cutDeadline, type Instant, isReached, remainingMs, stopDeadline } from "@holdfast/core";
import { bootDeadlineNs } from "./clock.js";
import type { GrantState, GuardState } from "./state.js";
import { inPhase, isEnding, type Turn } from "./turn.js";

/**
 * The guard is the metronome: the lock process renews only when told to, and it is told to only while the init
 * answers. So a stop of any of the four processes ends the renewals, and a successor waits one lease and not two.
 */

/** Stamps a grant; both deadlines follow from the stamp and from nothing else. */
export function stampedGrant(
  grant: Omit<GrantState, "stamp" | "cut" | "stop">,
  stamp: Instant,
  timing: GuardState["config"]["timing"],
): GrantState {
  return { ...grant, stamp, cut: cutDeadline(stamp, timing), stop: stopDeadline(stamp, timing) };
}

/** The tree's own deadline, for as long as there is a tree to have one. */
export function sendDeadline(turn: Turn): void {
  const { grant, tree, deadline } = turn.state;
  sendStorageDeadline(turn);
  // Once SIGKILL was sent nothing may look like a longer life, not even to a keeper that is stopped and has it queued.
  if (grant === null || grant.lost || tree.kind !== "up" || isEnding(turn.state)) return;
  const bootNs = bootDeadlineNs(grant.cut, turn.at.now, tree.correctionMs);
  turn.set({ deadline: { ...deadline, sentNs: bootNs } });
  turn.toInit({ type: "deadline", bootNs });
}

/** It goes on while the volumes are unmounted, and ends with the SIGKILL to their tree. */
function sendStorageDeadline(turn: Turn): void {
  const { grant, storage } = turn.state;
  if (grant === null || grant.lost || storage.kind !== "present" || storage.stage === "killed") return;
  const sentNs = bootDeadlineNs(grant.cut, turn.at.now, storage.correctionMs);
  turn.set({ storage: { ...storage, deadline: { ...storage.deadline, sentNs } } });
  turn.toStorageInit({ type: "deadline", bootNs: sentNs });
}

export function onAlive(turn: Turn, bootNs: bigint): void {
  const { deadline } = turn.state;
  if (bootNs === deadline.sentNs) turn.set({ deadline: { ...deadline, aliveNs: bootNs } });
}

/** A tree that was killed cannot answer, and the lease must outlive it. */
function mayRenew(state: GuardState): boolean {
  if (inPhase(state, "killing", "settling", "releasing")) return true;
  const deadlines = [
    ...(state.tree.kind === "up" ? [state.deadline] : []),
    ...(state.storage.kind === "present" ? [state.storage.deadline] : []),
  ];
  return deadlines.length > 0 && deadlines.every(({ sentNs, aliveNs }) => sentNs !== null && sentNs === aliveNs);
}

/** One beat. Arms the next; a late one does not make the following ones come sooner. */
export function onRenewTimer(turn: Turn): void {
  const { grant, lock, releaseSent, config, renewal, limits } = turn.state;
  if (grant === null || grant.lost || releaseSent || isReached(grant.cut, turn.at.now)) return;
  turn.arm("renew", config.timing.renewMs);
  if (!lock.alive) return;
  if (!mayRenew(turn.state)) {
    turn.log("warn", "the init does not answer; the lease is not renewed", {
      leftMs: Math.round(remainingMs(grant.cut, turn.at.now)),
    });
    return;
  }
  const n = renewal.n + 1;
  turn.set({ renewal: { ...renewal, n } });
  turn.toLock({ type: "renew", n, deadline: grant.cut });
  if (!turn.isArmed("silence")) turn.arm("silence", lock.heard ? limits.silenceMs : limits.firstWordMs);
}

/** Why a confirmation does not count; null = it is exact, of this grant, and newer than what is known. */
function confirmationFlaw(state: GuardState, n: number, stamp: Instant, epoch: string, now: Instant): string | null {
  const { grant, renewal } = state;
  if (grant === null) return "there is no grant";
  if (grant.lost) return "the grant is lost";
  if (epoch !== grant.epoch) return `it is of epoch ${epoch}, the grant of ${grant.epoch}`;
  if (n < 1 || n > renewal.n) return `renewal ${n} was never asked for`;
  if (!Number.isFinite(stamp.monoMs) || !Number.isFinite(stamp.bootMs)) return "its stamp is no time";
  if (stamp.monoMs > now.monoMs || stamp.bootMs > now.bootMs) return "its stamp lies in the future";
  return null;
}

/** The only thing that extends a life. An older or repeated stamp is true and says nothing new. */
export function onConfirmed(turn: Turn, n: number, stamp: Instant, epoch: string): void {
  const { grant, renewal, config, lock } = turn.state;
  const flaw = confirmationFlaw(turn.state, n, stamp, epoch, turn.at.now);
  if (grant === null || flaw !== null) {
    turn.log("warn", `a confirmation is not counted: ${flaw}`, { n });
    return;
  }
  if (renewal.why !== null) turn.log("info", "the lease is renewed again");
  const leftMs = remainingMs(grant.cut, turn.at.now);
  turn.set({
    lock: { ...lock, holds: true, deaths: 0 },
    renewal: {
      ...renewal,
      confirmed: renewal.confirmed + 1,
      why: null,
      marginMsMin: Math.min(renewal.marginMsMin ?? leftMs, leftMs),
    },
  });
  const isNewer = stamp.monoMs > grant.stamp.monoMs && stamp.bootMs >= grant.stamp.bootMs;
  if (!isNewer) return;
  turn.set({ grant: stampedGrant(grant, stamp, config.timing) });
  sendDeadline(turn);
}

export function onUnconfirmed(turn: Turn, n: number, why: string): void {
  const { renewal, grant } = turn.state;
  if (grant === null) return;
  // Once per reason: a store that is away answers so at every beat.
  if (renewal.why !== why) {
    const leftMs = Math.round(remainingMs(grant.stop, turn.at.now));
    turn.log("warn", `renewal ${n} is not confirmed: ${why}; the application stops in ${leftMs} ms without one`, {
      n,
      leftMs,
    });
  }
  turn.set({ renewal: { ...renewal, why } });
}

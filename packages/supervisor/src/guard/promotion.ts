import { remainingMs } from "@holdfast/core";
import { type ChildOutcome, explainOutcome } from "@holdfast/effects";
import { becomeCandidate, startLock } from "./lock-life.js";
import type { GuardState } from "./state.js";
import { FRESH_PREPARATION } from "./state.js";
import { startStep } from "./steps.js";
import { type Failure, kill } from "./stop.js";
import { inPhase, type Turn } from "./turn.js";
import { watchMount } from "./watch.js";

/**
 * The policy `promote-demote`. The application runs as a replica without any deadline, because it has nothing to lose;
 * from the grant on the tree has one like any other; a demotion that was seen to succeed lifts it again. The init
 * keeps both rules too: `start-replica` only before the first deadline, `deadline none` only for a replica.
 */

export function isReplicating(state: GuardState): boolean {
  return state.config.policy.kind === "promote-demote";
}

/** Whether a loss is answered by a demotion. What another run may already hold ends at once. */
export function lossIsDemoted(state: GuardState, failure: Failure): boolean {
  const isLoss = failure.code === "LEASE_LOST" || failure.code === "RECORD_MISSING";
  return (
    isReplicating(state) &&
    isLoss &&
    state.promoted &&
    state.application.kind === "running" &&
    state.phase === "running"
  );
}

export function promote(turn: Turn): void {
  const { policy, attachTimeoutMs } = turn.state.config;
  if (policy.kind !== "promote-demote") return;
  // From its first instruction on it may make a writer of the replica.
  turn.set({ promoted: true });
  startStep(turn, "promote", ["/bin/sh", "-c", policy.promote], attachTimeoutMs);
}

export function demote(turn: Turn): void {
  const { config, grant } = turn.state;
  if (config.policy.kind !== "promote-demote" || grant === null) return;
  turn.enter("demoting");
  turn.disarm("mounts", "probe", "step");
  turn.log("warn", "the replica is being demoted; it is killed at the deadline");
  // A probe may be under way; its answer does not matter any more.
  turn.set({ step: null });
  startStep(turn, "demote", ["/bin/sh", "-c", config.policy.demote], Math.max(0, remainingMs(grant.cut, turn.at.now)));
}

export function onDemoteEnded(turn: Turn, outcome: ChildOutcome): void {
  // A stop that was asked for in the meantime goes on: the application is ending, not changing its role.
  if (!inPhase(turn.state, "demoting")) return;
  if (outcome.kind === "code" && outcome.code === 0) return onDemoted(turn);
  turn.log("error", `the demotion failed: ${explainOutcome(outcome)}; the tree is killed`);
  kill(turn);
}

/** Demoted in time: nothing writes under the old grant. A new run, with a new lock process, waits for the next one. */
function onDemoted(turn: Turn): void {
  const { lock, deadline } = turn.state;
  turn.toInit({ type: "deadline-none" });
  turn.emit({ type: "kill-lock", generation: lock.generation });
  turn.disarm("renew", "silence", "lock-restart", "prepare-limit", "history-retry");
  turn.set({
    grant: null,
    ending: null,
    promoted: false,
    history: null,
    preparation: FRESH_PREPARATION,
    deadline: { ...deadline, sentNs: null, aliveNs: null },
    lock: { ...lock, alive: false, holds: false, finished: false, deaths: 0 },
  });
  turn.log("info", "demoted; the replica runs on and waits for the lease");
  turn.enter("candidate");
  watchMount(turn);
  startLock(turn);
}

/** The replica runs: only now may it become more. */
export function onReplicaStarted(turn: Turn): void {
  turn.enter("candidate");
  watchMount(turn);
  becomeCandidate(turn);
}

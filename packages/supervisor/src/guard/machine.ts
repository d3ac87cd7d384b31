import { isReached, remainingMs } from "@holdfast/core";
import { settleFailure } from "@holdfast/effects";
import { begin, onHelloTimer, onLooked } from "./boot.js";
import { onClaimLimit, onClaimRetry, onClaimTimer } from "./claim.js";
import { onReleaseTimer } from "./end.js";
import type { GuardEffect, GuardEvent, Reading } from "./events.js";
import { onSignal } from "./guard-signals.js";
import { onInitReport } from "./init-events.js";
import { onLockExit, onLockRestartTimer, onSilence } from "./lock-life.js";
import { onLockMessage } from "./lock-messages.js";
import { onHistoryTimer, onPrepareLimit, onStartTimer } from "./prepare.js";
import { onRenewTimer } from "./renewal.js";
import type { GuardState, TimerName } from "./state.js";
import { onStepEnded, onStepTimer } from "./steps.js";
import {
  fail,
  leave,
  onGone,
  onHurryTimer,
  onInitClosed,
  onLeaveTimer,
  onLeftoverTimer,
  onSettled,
  onStopBudgetTimer,
} from "./stop.js";
import {
  killStorage,
  mayStillUnmount,
  onClaimFenceTimer,
  onStorageClosed,
  onStorageCut,
  onStorageDownTimer,
  onStorageGone,
  onStorageHurryTimer,
  onStorageLeftoverTimer,
  onStorageMessage,
  onStorageReport,
} from "./storage.js";
import { inPhase, isEnding, Turn } from "./turn.js";
import { onMountsSeen, onMountsTimer, onProbeTimer } from "./watch.js";

export interface Handled {
  readonly state: GuardState;
  readonly effects: readonly GuardEffect[];
}

/**
 * The guard's whole mind: one event in, the next state and what is to be done out. Pure; the driver does nothing that
 * is not an effect of this function, and nothing here touches anything.
 */
export function handle(before: GuardState, event: GuardEvent, at: Reading): Handled {
  if (before.phase === "ended") return { state: before, effects: [] };
  const turn = new Turn(before, at);
  // First of all, and before any reply is looked at: a guard that was stalled may learn of its renewal too late.
  observeCutDeadline(turn);
  dispatch(turn, event);
  return { state: turn.state, effects: turn.effects };
}

function dispatch(turn: Turn, event: GuardEvent): void {
  switch (event.type) {
    case "begin":
      return begin(turn, event.mounts);
    case "wake":
      return onWake(turn);
    case "lock-message":
      return onLockMessage(turn, event.generation, event.message);
    case "lock-exit":
      return onLockExit(turn, event.generation, event.how);
    case "init":
      return onInitReport(turn, event.keeper, event.report);
    case "step-ended":
      return onStepEnded(turn, event.id, event.outcome, event.output, event.mounts);
    case "init-closed":
      return onInitClosed(turn, event.how);
    case "tree-gone":
      return onGone(turn, event.proven, event.how);
    case "look-ended":
      return onLooked(turn, event.outcome, event.output, event.mounts);
    case "mounts-seen":
      return onMountsSeen(turn, event.mounts);
    case "volume-settled":
      return onSettled(turn, settleFailure(event.outcome, event.output));
    case "storage-init":
      return onStorageReport(turn, event.report);
    case "storage-closed":
      return onStorageClosed(turn, event.how);
    case "storage-gone":
      return onStorageGone(turn, event.proven, event.how);
    case "storage-message":
      return onStorageMessage(turn, event.message);
    case "storage-cut":
      return onStorageCut(turn, event.outcome, event.output);
    case "signal":
      return onSignal(turn, event.signal);
  }
}

/** The kernel's timer fires at the same moment in any case; this makes the rest follow. */
function observeCutDeadline(turn: Turn): void {
  const { grant } = turn.state;
  if (grant === null || !isReached(grant.cut, turn.at.now)) return;
  // The application is dead or dying; its volumes are not unmounted a moment longer.
  if (isEnding(turn.state)) return killStorage(turn);
  const hint = "The store could not be written to in time, or this process was stopped. See `holdfast lock history`.";
  fail(turn, { code: "LEASE_LOST", message: "The lease was not renewed before the deadline.", hint }, "kill");
}

/** Only when everything that had arrived was handled, so that a confirmation that waited to be read still counts. */
function onWake(turn: Turn): void {
  observeStopDeadline(turn);
  const due = (Object.entries(turn.state.timers) as [TimerName, number][])
    .filter(([, atMs]) => atMs <= turn.nowMs)
    .sort(([, a], [, b]) => a - b);
  for (const [name, atMs] of due) {
    // An earlier one may have disarmed it, or armed it anew.
    if (turn.state.timers[name] !== atMs || inPhase(turn.state, "ended")) continue;
    turn.disarm(name);
    onTimer(turn, name);
  }
}

function observeStopDeadline(turn: Turn): void {
  const { grant, application } = turn.state;
  if (grant === null || !isReached(grant.stop, turn.at.now)) return;
  if (!inPhase(turn.state, "preparing", "waiting-for-claim", "running")) return;
  const hint = "The store could not be written to. The clean stop began in time for the deadline.";
  const message = "The lease could not be renewed; the application is stopped before the deadline.";
  fail(turn, { code: "LEASE_LOST", message, hint }, application.kind === "running" ? "stop" : "kill");
}

function onTimer(turn: Turn, name: TimerName): void {
  switch (name) {
    case "hello":
      return onHelloTimer(turn);
    case "lock-restart":
      return onLockRestartTimer(turn);
    case "renew":
      return onRenewTimer(turn);
    case "silence":
      return onSilence(turn);
    case "prepare-limit":
      return onPrepareLimit(turn);
    case "history-retry":
      return onHistoryTimer(turn);
    case "step":
      return onStepTimer(turn);
    case "claim-answer":
      return onClaimTimer(turn);
    case "claim-retry":
      return onClaimRetry(turn);
    case "claim-limit":
      return onClaimLimit(turn);
    case "start-answer":
      return onStartTimer(turn);
    case "mounts":
      return onMountsTimer(turn);
    case "probe":
      return onProbeTimer(turn);
    case "stop-budget":
      return onStopBudgetTimer(turn);
    case "hurry":
      return onHurryTimer(turn);
    case "leftover":
      return onLeftoverTimer(turn);
    case "last-words":
      return leave(turn);
    case "claim-fence":
      return onClaimFenceTimer(turn);
    case "storage-down":
      return onStorageDownTimer(turn);
    case "storage-hurry":
      return onStorageHurryTimer(turn);
    case "storage-leftover":
      return onStorageLeftoverTimer(turn);
    case "release":
      return onReleaseTimer(turn);
    case "leave":
      return onLeaveTimer(turn);
  }
}

/** Monotonic milliseconds until something is due; null = nothing is, and the next event comes from outside. Pure. */
export function dueInMs(state: GuardState, at: Reading): number | null {
  const dues = Object.values(state.timers).map((atMs) => atMs - at.now.monoMs);
  const { grant } = state;
  if (grant !== null && (!isEnding(state) || mayStillUnmount(state))) {
    dues.push(remainingMs(grant.cut, at.now));
    if (inPhase(state, "preparing", "waiting-for-claim", "running")) dues.push(remainingMs(grant.stop, at.now));
  }
  return dues.length === 0 ? null : Math.max(0, Math.min(...dues));
}

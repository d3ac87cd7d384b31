import { ERROR_CODES, type ErrorCode, isReached } from "@holdfast/core";
import type { HolderDescription, LockToGuard } from "../lock-protocol.js";
import { end, releaseNow } from "./end.js";
import { tellGrant } from "./lock-life.js";
import { continuePreparing, onFenced } from "./prepare.js";
import { onConfirmed, onUnconfirmed, stampedGrant } from "./renewal.js";
import { FRESH_PREPARATION } from "./state.js";
import { afterTree, becauseOf, fail, leave, requestStop } from "./stop.js";
import { bringUp, killStorage } from "./storage.js";
import { inPhase, isEnding, type Turn } from "./turn.js";

export function onLockMessage(turn: Turn, generation: number, message: LockToGuard): void {
  const { lock, grant } = turn.state;
  if (generation !== lock.generation || !lock.alive) {
    // What a replaced one still said is not heard, but for a loss: that does not become untrue.
    if (message.type === "lost" && grant !== null && generation >= grant.generation) onLost(turn, message);
    return;
  }
  if (!lock.heard) turn.set({ lock: { ...lock, heard: true } });
  switch (message.type) {
    case "connected":
      turn.set({ lock: { ...turn.state.lock, connected: message.store } });
      return turn.log("debug", `connected to ${message.store}`);
    case "waiting":
      return onWaiting(turn, message);
    case "granted":
      return onGranted(turn, message);
    case "renewing":
      if (message.n === turn.state.renewal.n) turn.disarm("silence");
      return;
    case "confirmed": {
      onConfirmed(turn, message.n, message.stamp, message.epoch);
      return releaseNow(turn);
    }
    case "unconfirmed":
      return onUnconfirmed(turn, message.n, message.why);
    case "lost":
      return onLost(turn, message);
    case "failed":
      return onFailed(turn, message);
    case "fenced":
      return onFenced(turn, message.epoch);
    case "history-done":
      return onHistoryDone(turn, message.id, message.error);
    case "released":
      return onReleased(turn, null);
    case "release-failed":
      return onReleased(turn, message.message);
    case "handover":
      return onHandover(turn, message.epoch, message.why);
    case "warning":
      return turn.log("warn", `lock process: ${message.message}`, { code: message.code });
    case "statistics":
      return turn.set({
        lock: {
          ...turn.state.lock,
          eventLoopDelayMsMax: Math.max(turn.state.lock.eventLoopDelayMsMax ?? 0, message.eventLoopDelayMsMax),
        },
      });
  }
}

function describeHolder(holder: HolderDescription): string {
  const task = holder.task === null ? "" : `, task ${holder.task}`;
  return `run ${holder.run} on agent ${holder.agent} (host ${holder.host}, pid ${holder.pid}${task}) since ${holder.since}`;
}

function onWaiting(turn: Turn, message: Extract<LockToGuard, { type: "waiting" }>): void {
  turn.set({ lock: { ...turn.state.lock, holder: message.holder, deaths: 0 } });
  const holder = message.holder === null ? `state ${message.state}` : `held by ${describeHolder(message.holder)}`;
  turn.log("info", `waiting for the lease, epoch ${message.epoch}, ${holder}: ${message.why}`, {
    place: message.place,
  });
}

function onGranted(turn: Turn, message: Extract<LockToGuard, { type: "granted" }>): void {
  const { state } = turn;
  const { run, epoch, created, stamp, former, holders, pendingFence } = message;
  if (state.grant !== null || inPhase(state, "ended"))
    return turn.log("warn", "a second grant is not counted", { epoch });
  const { generation } = state.lock;
  const grant = stampedGrant({ run, epoch, created, former, generation, lost: false }, stamp, state.config.timing);
  turn.set({
    grant,
    lock: { ...state.lock, holds: true, deaths: 0, holder: null },
    renewal: { ...state.renewal, why: null },
    preparation: { ...FRESH_PREPARATION, fence: pendingFence === null ? "clear" : "waiting" },
  });
  turn.log("info", `lease won, epoch ${epoch}`, { run, former: former.kind, formerEpoch: former.epoch });
  // It came while we were already going: nothing was started under it, so it is given back.
  if (inPhase(state, "leaving")) return afterTree(turn);
  turn.arm("renew", Math.max(0, stamp.monoMs + state.config.timing.renewMs - turn.nowMs));
  if (isEnding(state) || inPhase(state, "stopping")) return;
  const { now } = turn.at;
  if (stamp.monoMs > now.monoMs || stamp.bootMs > now.bootMs || isReached(grant.stop, now)) {
    const hint = "Nothing was started. Start it again.";
    return fail(
      turn,
      { code: "LEASE_LOST", message: "The lease was won too late to start anything under it.", hint },
      "kill",
    );
  }
  tellGrant(turn);
  turn.enter("preparing");
  turn.set({ laps: [], lapSinceMs: turn.nowMs, holders, pendingFence });
  turn.arm("prepare-limit", state.config.attachTimeoutMs);
  if (pendingFence !== null) {
    turn.log(
      "warn",
      `epoch ${pendingFence.epoch} on agent ${pendingFence.agent} may still write (${pendingFence.what}); waiting for a fence receipt`,
    );
  }
  if (turn.state.config.storage === null) continuePreparing(turn);
  else bringUp(turn);
}

function knownCode(code: string): ErrorCode {
  return Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : "INTERNAL";
}

function onLost(turn: Turn, message: Extract<LockToGuard, { type: "lost" }>): void {
  const { state } = turn;
  if (state.grant === null) return onFailed(turn, { ...message, type: "failed", holder: null });
  turn.set({ grant: { ...state.grant, lost: true }, lock: { ...turn.state.lock, finished: true } });
  turn.disarm("renew", "silence");
  if (state.phase === "releasing") {
    turn.log("warn", `the lease was lost before its release was confirmed: ${message.message}`);
    return end(turn, false);
  }
  const code = knownCode(message.code);
  const problem = {
    code: code === "INTERNAL" ? "LEASE_LOST" : code,
    message: message.message,
    hint: message.hint,
  } as const;
  // LEASE_LOST: another run may have it, so nothing of ours may write one moment longer. Any other reason (the record is
  // gone) leaves what the deadline leaves, because nobody can take over before it.
  fail(turn, problem, code === "LEASE_LOST" ? "kill" : "stop");
  // Also when the application is gone and its volumes are just being unmounted.
  if (code === "LEASE_LOST") killStorage(turn);
}

function onFailed(turn: Turn, message: Extract<LockToGuard, { type: "failed" }>): void {
  const { state } = turn;
  if (state.grant !== null) {
    // A replaced lock process that could not resume. The deadline stands; its exit brings the next try.
    return turn.log("warn", `lock process: ${message.message}`, { code: message.code });
  }
  turn.set({ lock: { ...state.lock, finished: true, holder: message.holder ?? state.lock.holder } });
  if (isEnding(state)) return;
  const holder =
    message.holder === null || message.message.includes(message.holder.run)
      ? ""
      : ` It is held by ${describeHolder(message.holder)}.`;
  fail(turn, { code: knownCode(message.code), message: `${message.message}${holder}`, hint: message.hint }, "stop");
}

function onHistoryDone(turn: Turn, id: number, error: string | null): void {
  const { history, preparation, config } = turn.state;
  if (history === null || history.id !== id) return;
  turn.set({ history: null });
  if (history.kind === "lost") {
    if (error !== null) turn.log("warn", `the history does not say that the lease was lost: ${error}`);
    return turn.isArmed("last-words") ? leave(turn) : undefined;
  }
  if (error !== null) {
    turn.log("warn", `the history does not have this start yet: ${error}`);
    return turn.arm("history-retry", config.timing.renewMs);
  }
  turn.set({ preparation: { ...preparation, history: "done" } });
  continuePreparing(turn);
}

function onReleased(turn: Turn, failure: string | null): void {
  if (turn.state.phase !== "releasing") return;
  turn.set({ lock: { ...turn.state.lock, finished: true } });
  if (failure !== null)
    turn.log("warn", `the lease could not be released: ${failure}; a successor waits until it has run out`);
  end(turn, failure === null && turn.state.leftover === null);
}

/** An operator asks the holder of this epoch to make room; the application stops as on SIGTERM. */
function onHandover(turn: Turn, epoch: string, why: string): void {
  const { grant, config } = turn.state;
  if (grant === null || grant.epoch !== epoch || isEnding(turn.state) || inPhase(turn.state, "stopping")) return;
  turn.log("info", `asked to hand over: ${why}`);
  becauseOf(turn, { kind: "handover", why });
  requestStop(turn, config.stopSignal);
}

import { type ErrorCode, isReached } from "@holdfast/core";
import { treeMarker } from "./boot.js";
import { claimLeftover } from "./claim-holder.js";
import { end, release } from "./end.js";
import { demote, lossIsDemoted } from "./promotion.js";
import { type Ending, mustSettle, type TimerName } from "./state.js";
import { bringDown, killStorage, mustCut } from "./storage.js";
import { inPhase, isEnding, type Turn } from "./turn.js";

/** How long a healthy keeper may take from `kill` to `gone`; 23 ms were measured for 500 processes. */
const HURRY_MS = 500;
const LEAVE_MS = 2_000;

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** Timers of a life that is over. Renewals, and the lock process that makes them, go on until the release. */
const LIFE_TIMERS: readonly TimerName[] = [
  "hello",
  "prepare-limit",
  "history-retry",
  "step",
  "claim-answer",
  "claim-retry",
  "claim-limit",
  "claim-fence",
  "start-answer",
  "mounts",
  "probe",
  "stop-budget",
];

/**
 * Something ended the run. `stop`: the application gets its stop signal and its budget, as far as the deadline allows;
 * `kill`: at once. The first reason is the one reported, but a lease that ends by force outranks a stop that was asked
 * for, because then the exit code must say that the stop was not clean.
 */
export function fail(turn: Turn, failure: Failure, how: "stop" | "kill"): void {
  const { ending } = turn.state;
  if (isEnding(turn.state)) return turn.log("warn", failure.message, { code: failure.code });
  if (ending === null || (ending.kind !== "failure" && failure.code === "LEASE_LOST")) {
    const { code, message, hint } = failure;
    turn.set({ ending: { kind: "failure", code, message, hint } });
  }
  turn.log("error", failure.message, { code: failure.code, hint: failure.hint });
  turn.log("info", `hint: ${failure.hint} (${failure.code})`);
  if (how === "kill") return kill(turn);
  // A stop or a demotion that is under way is finished, and the deadline behind it stands.
  if (inPhase(turn.state, "stopping", "demoting")) return;
  if (lossIsDemoted(turn.state, failure)) return demote(turn);
  requestStop(turn, turn.state.config.stopSignal);
}

export function becauseOf(turn: Turn, ending: Ending): void {
  if (turn.state.ending === null) turn.set({ ending });
}

/** The clean stop. Once begun it is finished; later confirmations move the deadline behind it, nothing takes it back. */
export function requestStop(turn: Turn, signal: number): void {
  const { application, config } = turn.state;
  if (isEnding(turn.state)) return;
  if (application.kind !== "running" && application.kind !== "starting") return kill(turn);
  if (turn.state.phase !== "stopping") {
    turn.enter("stopping");
    turn.disarm("prepare-limit", "history-retry", "claim-retry", "claim-limit", "probe", "mounts");
    turn.arm("stop-budget", config.timing.stopBudgetMs);
    turn.log("info", `stopping the application, ${config.timing.stopBudgetMs} ms until SIGKILL`, { signal });
  }
  turn.set({ stopped: { ...turn.state.stopped, asked: true } });
  signalApplication(turn, signal);
}

/** A program that is not executing yet would lose the signal, so it waits until it does. */
export function signalApplication(turn: Turn, signal: number): void {
  const { application } = turn.state;
  if (application.kind === "running") turn.toInit({ type: "signal", number: signal });
  if (application.kind === "starting") {
    turn.set({ application: { kind: "starting", signals: [...application.signals, signal] } });
  }
}

export function onStopBudgetTimer(turn: Turn): void {
  turn.log("warn", `the application did not end within ${turn.state.config.timing.stopBudgetMs} ms; it is killed`);
  kill(turn);
}

/** SIGKILL to everything of the tree. What follows waits until the tree is known gone. */
export function kill(turn: Turn): void {
  const { application, stopped, limits, tree, phase, grant, leftover } = turn.state;
  if (isEnding(turn.state)) return;
  // However this wait ends, a successor must know that somebody else had the volume open.
  if (phase === "waiting-for-claim" && grant !== null) turn.set({ leftover: leftover ?? claimLeftover(turn) });
  turn.disarm(...LIFE_TIMERS);
  const lives = application.kind === "running" || application.kind === "starting";
  turn.set({ step: null, stopped: { ...stopped, killed: stopped.killed || lives } });
  turn.enter("killing");
  // Nothing of it may unmount in its own time any more.
  if (grant !== null && (grant.lost || isReached(grant.cut, turn.at.now))) killStorage(turn);
  if (tree.kind === "gone" || tree.kind === "none") return afterTree(turn);
  turn.toInit({ type: "kill" });
  turn.arm("hurry", HURRY_MS);
  turn.arm("leftover", limits.leftoverMs);
}

export function onHurryTimer(turn: Turn): void {
  turn.log("warn", "the tree is not gone yet; its keeper is woken or ended");
  turn.emit({ type: "hurry-tree" });
  // Processes that hang on a volume go when what serves it goes.
  killStorage(turn);
}

/** What cannot be killed sits in the kernel (D state). Nobody may be told that it is gone. */
export function onLeftoverTimer(turn: Turn): void {
  const { tree, config, limits } = turn.state;
  const init = tree.kind === "up" ? `under process ${tree.init.pid} ` : "";
  const what = `a process ${init}on agent ${config.agent} outlived SIGKILL by ${limits.leftoverMs} ms (it hangs in the kernel)`;
  turn.log("error", `${what}; the lease is not released, a successor needs a fence receipt`);
  // Given up: what else is to be done does not wait for it any more.
  turn.set({ leftover: what, tree: { kind: "gone" } });
  afterTree(turn);
}

/** The tree ended. Expected after `kill`; otherwise everything in it died with its init. */
export function onGone(turn: Turn, proven: boolean, how: string): void {
  if (turn.state.tree.kind === "gone" || turn.state.tree.kind === "none") return;
  turn.disarm("hurry", "leftover");
  const { phase, config } = turn.state;
  turn.set({ tree: { kind: "gone" } });
  if (!proven) {
    const what = `processes of the tree on agent ${config.agent} may be left: ${how}`;
    turn.log("error", what);
    turn.set({ leftover: turn.state.leftover ?? what });
  }
  if (phase === "killing") return afterTree(turn);
  if (isEnding(turn.state)) return;
  const hint = "Nothing of the application is left. See the kernel log: it may have been killed for want of memory.";
  fail(turn, { code: "INTERNAL", message: `The application's init ended by itself (${how}).`, hint }, "kill");
}

/** The keeper's outer process is dead; whether the tree is, is found out by watching its init. */
export function onInitClosed(turn: Turn, how: string): void {
  const { tree, phase } = turn.state;
  if (tree.kind === "gone" || tree.kind === "none") return;
  if (tree.kind === "starting") return onNeverUp(turn, how);
  turn.emit({
    type: "watch-tree",
    init: tree.init,
    namespaced: tree.treeKind !== "subreaper",
    marker: treeMarker(tree.init).join("="),
  });
  if (phase === "killing" || isEnding(turn.state)) return;
  const hint =
    "Everything in it is being ended with it. See the kernel log: it may have been killed for want of memory.";
  fail(turn, { code: "INTERNAL", message: `The application's init ended by itself (${how}).`, hint }, "kill");
}

/** Without a hello nothing was ever started. */
function onNeverUp(turn: Turn, how: string): void {
  turn.set({ tree: { kind: "gone" } });
  if (turn.state.phase === "killing") return afterTree(turn);
  const hint = "See its message above; --tree and --init choose other kinds of protection.";
  fail(turn, { code: "PROTECTION_MISSING", message: `The application's init did not come up (${how}).`, hint }, "kill");
}

/** Nothing of the tree runs any more, or it is known that something does. Ends what the run holds in the store. */
export function afterTree(turn: Turn): void {
  turn.disarm("hurry", "leftover", "last-words");
  if (bringDown(turn) || mustCut(turn)) return;
  const { grant, leftover } = turn.state;
  if (grant === null) return leave(turn);
  if (grant.lost) return sayLastWords(turn);
  if (leftover !== null) return release(turn, { kind: "yield", needsFence: leftover });
  settle(turn);
}

/** Data of a dead process may still be on its way to a server; the lease is kept until it is there. */
function settle(turn: Turn): void {
  const { config, volume, wrote, tools, limits, ending } = turn.state;
  const path = config.volume?.path;
  const { look } = volume;
  const mounts = look?.mount === undefined ? [] : [look.mount];
  if (config.storage !== null || path === undefined || look === null || !wrote || !mustSettle(look.realPath, mounts)) {
    return release(turn, { kind: "released" });
  }
  if (ending?.kind === "failure" && (ending.code === "VOLUME_MISSING" || ending.code === "VOLUME_CHANGED")) {
    return onSettled(turn, "the volume is not mounted there any more");
  }
  turn.enter("settling");
  turn.emit({ type: "settle-volume", argv: [...tools.settle, path], timeoutMs: limits.settleMs });
}

export function onSettled(turn: Turn, failure: string | null): void {
  if (!inPhase(turn.state, "settling", "killing")) return;
  if (turn.state.grant?.lost === true) return sayLastWords(turn);
  if (failure === null) return release(turn, { kind: "released" });
  const { config, volume } = turn.state;
  const what = `data written to ${volume.look?.realPath ?? "the volume"} on agent ${config.agent} may not have reached its server: ${failure}`;
  turn.log("error", `${what}; a successor needs a fence receipt`);
  turn.set({ leftover: what });
  release(turn, { kind: "yield", needsFence: what });
}

/** The record belongs to another run or to nobody: what is left to do is to write down that we noticed. */
function sayLastWords(turn: Turn): void {
  const { lock, ending, limits, history } = turn.state;
  if (!lock.alive || history?.kind === "lost" || inPhase(turn.state, "leaving")) return leave(turn);
  const id = turn.nextNumber();
  turn.set({ history: { id, kind: "lost" } });
  turn.toLock({ type: "history", id, kind: "lost", note: note(ending) });
  turn.arm("last-words", limits.releaseMs);
}

export function leave(turn: Turn): void {
  const { lock } = turn.state;
  turn.disarm("renew", "silence", "lock-restart", "last-words");
  if (!lock.alive || (lock.finished && turn.state.grant === null)) return end(turn, false);
  turn.enter("leaving");
  turn.toLock({ type: "leave" });
  turn.arm("leave", LEAVE_MS);
}

export function onLeaveTimer(turn: Turn): void {
  turn.emit({ type: "kill-lock", generation: turn.state.lock.generation });
  end(turn, false);
}

/** One line for the history; the record allows 200 characters. */
export function note(ending: Ending | null): string {
  if (ending === null) return "ended";
  if (ending.kind === "application") return "the application ended";
  if (ending.kind === "signal") return `signal ${ending.signal}`;
  if (ending.kind === "handover") return `handed over: ${ending.why}`.slice(0, 200);
  return `${ending.code}: ${ending.message}`.slice(0, 200);
}

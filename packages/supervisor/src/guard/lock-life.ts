import type { LockConfig } from "../lock-protocol.js";
import { end } from "./end.js";
import { sendDeadline } from "./renewal.js";
import type { GuardState } from "./state.js";
import { fail, leave } from "./stop.js";
import { inPhase, isEnding, type Turn } from "./turn.js";

const RESTART_MS = 100;
/** Without a grant nothing is at stake, and a lock process that only dies will not do better. */
const DEATHS_WITHOUT_GRANT_MAX = 5;

export function startLock(turn: Turn): void {
  const { lock, grant } = turn.state;
  const generation = lock.generation + 1;
  const restarts = lock.generation === 0 ? 0 : lock.restarts + 1;
  turn.disarm("lock-restart", "silence");
  turn.set({
    lock: { ...lock, generation, restarts, alive: true, heard: false, holds: false, finished: false, connected: null },
  });
  turn.emit({ type: "start-lock", generation, config: lockConfig(turn.state) });
  if (grant === null) {
    if (turn.state.phase === "candidate") becomeCandidate(turn);
    return;
  }
  announceTrees(turn);
  if (turn.state.history?.kind === "started") turn.arm("history-retry", 0);
  turn.arm("renew", 0);
}

function lockConfig(state: GuardState): LockConfig {
  const { config, grant } = state;
  return {
    service: config.service,
    agent: config.agent,
    task: config.task,
    guardPid: state.guardPid,
    machine: config.machine,
    store: config.store,
    credentials: config.credentials,
    timing: config.timing,
    wait: config.wait,
    firstRun: config.firstRun,
    leaseMsMax: config.leaseMsMax,
    resume: grant === null ? null : { run: grant.run, epoch: grant.epoch, created: grant.created },
    settle: state.settle === null ? null : { command: state.settle, timeoutMs: settleMs(state) },
  };
}

function settleMs({ config, limits }: GuardState): number {
  return config.storage === null ? limits.settleMs : limits.cutMs;
}

export function becomeCandidate(turn: Turn): void {
  const evidence = turn.state.volume.look?.evidence;
  turn.toLock({
    type: "acquire",
    volume: evidence === undefined ? null : { epoch: evidence.epoch?.toString() ?? null, leaseMs: evidence.leaseMs },
  });
}

/** If we die, the lock process releases only when these processes, and with them the trees, are gone. */
export function announceTrees(turn: Turn): void {
  const { tree, storage } = turn.state;
  if (storage.kind === "present") turn.toLock({ type: "tree", init: storage.init });
  if (tree.kind === "up") turn.toLock({ type: "tree", init: tree.init });
}

/** The application's tree under the grant: announced, with its deadline, and told what its processes may know. */
export function tellGrant(turn: Turn): void {
  const { grant, tree } = turn.state;
  if (grant === null || tree.kind !== "up") return;
  announceTrees(turn);
  sendDeadline(turn);
  turn.toInit({ type: "env", name: "HOLDFAST_RUN", value: grant.run });
  turn.toInit({ type: "env", name: "HOLDFAST_EPOCH", value: grant.epoch });
}

/** Stopped or stuck: it answers nothing, though it answers a renewal at once whatever the store does. */
export function onSilence(turn: Turn): void {
  const { lock, limits } = turn.state;
  if (!lock.alive) return;
  turn.log(
    "warn",
    `the lock process said nothing for ${lock.heard ? limits.silenceMs : limits.firstWordMs} ms; it is replaced`,
  );
  turn.emit({ type: "kill-lock", generation: lock.generation });
  // Not waited for: a process that hangs in the kernel would keep the new one from renewing.
  lockDied(turn, "it was silent");
}

export function onLockExit(turn: Turn, generation: number, how: string): void {
  const { lock } = turn.state;
  if (generation === lock.generation && lock.alive) lockDied(turn, how);
}

function lockDied(turn: Turn, how: string): void {
  const { lock, grant, phase, releaseSent } = turn.state;
  turn.disarm("silence");
  turn.set({ lock: { ...lock, alive: false, holds: false, deaths: lock.deaths + 1 } });
  if (phase === "leaving") return end(turn, false);
  if (phase === "releasing" && releaseSent) {
    turn.log("warn", `the lock process ended (${how}) before it confirmed the release`);
    return end(turn, false);
  }
  if (turn.isArmed("last-words")) return leave(turn);
  if (lock.finished || (grant === null ? isEnding(turn.state) : grant.lost)) return;
  const deaths = lock.deaths + 1;
  if (grant === null && deaths > DEATHS_WITHOUT_GRANT_MAX) {
    const hint = "See its own message above; the store URL and its credentials are the first things to check.";
    return fail(turn, { code: "INTERNAL", message: `The lock process ended ${deaths} times (${how}).`, hint }, "kill");
  }
  turn.log("warn", `the lock process ended (${how}); a new one is started`, { deaths });
  if (deaths === 1) startLock(turn);
  else turn.arm("lock-restart", Math.min(RESTART_MS * 2 ** (deaths - 2), turn.state.config.timing.renewMs));
}

export function onLockRestartTimer(turn: Turn): void {
  const { lock, grant, releaseSent } = turn.state;
  if (lock.alive || releaseSent || grant?.lost === true || inPhase(turn.state, "leaving", "ended")) return;
  startLock(turn);
}

import { advanceDeployments, resumeDeployments } from "./deployments.js";
import { definitionOf, noHealth } from "./instances.js";
import { repeatKills } from "./kill.js";
import { noticeSilence, reconcile } from "./mesos.js";
import type { Effect, Sim, TimerName } from "./model.js";
import { launchNotBeforeMs, processOffers } from "./offers.js";
import { scaleCheck } from "./scale.js";
import { expunge } from "./status.js";

/**
 * One input to the state machine: moves the clock, applies the change, does what has become due, and returns what
 * the world is to do. Nothing else in the core looks at a clock.
 */
export function step<T>(sim: Sim, nowMs: number, change: () => T): { readonly value: T; readonly effects: Effect[] } {
  sim.nowMs = Math.max(sim.nowMs, nowMs);
  const value = change();
  settle(sim);
  return { value, effects: sim.out.splice(0) };
}

/** As `step`, with nothing but the time that passed. */
export function tick(sim: Sim, nowMs: number): Effect[] {
  return step(sim, nowMs, () => runTimers(sim)).effects;
}

/** Deployments and offers move each other, until neither has anything to do. */
function settle(sim: Sim): void {
  do {
    if (sim.offersDue) processOffers(sim);
  } while (advanceDeployments(sim) || sim.offersDue);
}

const JOBS: Record<TimerName, { readonly everyMs: (sim: Sim) => number; readonly run: (sim: Sim) => void }> = {
  offers: {
    everyMs: ({ flags }) => flags.offerIntervalMs,
    run: (sim) => {
      sim.offersDue = true;
    },
  },
  reconcile: { everyMs: ({ flags }) => flags.reconciliationIntervalMs, run: reconcile },
  scale: {
    everyMs: ({ flags }) => flags.scaleAppsIntervalMs,
    run: (sim) => {
      for (const appId of sim.apps.keys()) scaleCheck(sim, appId);
    },
  },
  expunge: { everyMs: ({ flags }) => flags.expungeIntervalMs, run: expungeOverdue },
  overdue: { everyMs: ({ flags }) => flags.killRetryMs / 10, run: repeatKills },
};

/** Does one of the periodic jobs now, whenever it was due. */
export function runJob(sim: Sim, name: TimerName): void {
  JOBS[name].run(sim);
}

function runTimers(sim: Sim): void {
  noticeSilence(sim);
  for (const name of Object.keys(JOBS) as TimerName[]) {
    if (sim.nowMs < sim.timers[name]) continue;
    sim.timers[name] = sim.nowMs + JOBS[name].everyMs(sim);
    JOBS[name].run(sim);
  }
  if (nextLaunchMs(sim) <= sim.nowMs) sim.offersDue = true;
}

/** When something will be due, if nothing happens before. */
export function nextDueMs(sim: Sim): number {
  const silences = [...sim.agents.values()].flatMap(({ registration, silentSinceMs }) =>
    registration === "registered" && silentSinceMs !== null ? silentSinceMs + sim.flags.agentLostMs : [],
  );
  return Math.min(...Object.values(sim.timers), ...silences, nextLaunchMs(sim));
}

/** End of the earliest delay that is not over; one that is over waits for offers. */
function nextLaunchMs(sim: Sim): number {
  let next = Number.POSITIVE_INFINITY;
  for (const id of sim.waiting) {
    const instance = sim.instances.get(id);
    const app = instance === undefined ? undefined : definitionOf(sim, instance);
    const atMs = app === undefined ? 0 : launchNotBeforeMs(sim, app);
    const triedMs = app === undefined ? 0 : (sim.queue.get(app.id)?.lastUnusedMs ?? 0);
    if (atMs > triedMs && atMs > 0) next = Math.min(next, atMs);
  }
  return next;
}

/** Facts 4: the job that forgets what has been unreachable for too long. */
function expungeOverdue(sim: Sim): void {
  for (const instance of [...sim.instances.values()]) {
    const { unreachableSinceMs, unreachableStrategy: strategy } = instance;
    if (unreachableSinceMs === null || strategy === "disabled") continue;
    if (sim.nowMs - unreachableSinceMs >= strategy.expungeAfterSeconds * sim.flags.appSecondMs) expunge(sim, instance);
  }
}

/** Facts 12: the new leader has what was stored, and nothing of what was in memory. */
export function changeLeader(sim: Sim): void {
  sim.leaderSinceMs = sim.nowMs;
  sim.backoffs.clear();
  sim.queue.clear();
  for (const instance of sim.instances.values()) {
    instance.health = noHealth();
    instance.ready = false;
    instance.readiness = [];
    instance.killSentMs = null;
  }
  const { flags, nowMs, timers } = sim;
  timers.reconcile = nowMs + flags.reconciliationInitialDelayMs;
  timers.scale = nowMs + flags.reconciliationInitialDelayMs;
  timers.expunge = nowMs + flags.expungeInitialDelayMs;
  resumeDeployments(sim);
  sim.offersDue = true;
}

import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "@holdfast/effects";
import { until } from "../agents/until.js";
import type { Fault, OngoingFault, Stage } from "./fault.js";
import { quiet } from "./quiet.js";
import type { Played } from "./row.js";
import type { ExitStatus, Run } from "./run.js";
import type { Scene, StartOptions } from "./scene.js";
import { watchEnd } from "./tree.js";

/** Names of the two agents of a row. */
export const HOLDER = "a";
export const CANDIDATE = "b";

/** Writes that a successor must still get acknowledged after the fault was healed: the old holder may be back by then. */
const WRITES_AFTER_HEALING = 50;
const WRITE_PERIOD_MS = 10;
/** Other rows wait no longer than this for a successor; one that is not there by then waits for a lease. */
const QUIET_MS = 1_000;
const QUIET_LOOK_MS = 10;

export interface FlowOptions {
  readonly holder?: StartOptions;
  readonly candidate?: StartOptions;
}

/** A holder that writes and a candidate that waits. */
export async function setStage(scene: Scene, options: FlowOptions = {}): Promise<Stage & { readonly candidate: Run }> {
  const holder = await scene.start(HOLDER, options.holder);
  await scene.untilWritten(holder, scene.profile.writesBefore);
  const candidate = await scene.start(CANDIDATE, options.candidate);
  await scene.untilPhase(candidate, "waiting-for-lease");
  return { scene, holder, candidate, tree: await scene.treeOf(holder) };
}

/** The fault strikes the holder; the candidate must take over. The fault is healed in its time, and the old holder must end. */
export function takeover(fault: (scene: Scene) => Fault, options: FlowOptions = {}): (scene: Scene) => Promise<Played> {
  return async (scene) => {
    const { profile } = scene;
    const stage = await setStage(scene, options);
    const { holder, candidate } = stage;
    const end = watchEnd(stage.tree.root);
    try {
      const { atMs, injected, healing } = await strikeQuietly(fault(scene), stage);
      await scene.untilWritten(candidate, profile.writesAfter);
      const healed = await healing;
      if (healed !== undefined) await scene.untilWritten(candidate, candidate.acknowledged() + WRITES_AFTER_HEALING);
      await until("the holder's tree to be gone", () => end.gone(), { timeoutMs: profile.patienceMs });
      const holderExit = exitText(await holder.untilExit(profile.patienceMs));
      await stopCleanly(candidate, profile.patienceMs);
      return {
        moments: {
          fault: atMs,
          "tree-gone": end.lastAliveMs(),
          ...(healed === undefined ? {} : { healed: healed.atMs }),
        },
        observed: [injected.observed, healed?.observed].filter(Boolean).join("; "),
        holderExit,
      };
    } finally {
      end.stop();
    }
  };
}

/** The fault strikes the holder and is over before it matters: the same run must write on, for more than a lease. */
export function rideOut(fault: (scene: Scene) => Fault, options: FlowOptions = {}): (scene: Scene) => Promise<Played> {
  return async (scene) => {
    const { profile } = scene;
    const stage = await setStage(scene, options);
    const { holder, candidate } = stage;
    const { atMs, injected, healing } = await strike(fault(scene), stage);
    const healed = await healing;
    const lease = Math.ceil((1.1 * profile.timing.leaseMs) / WRITE_PERIOD_MS);
    await scene.untilWritten(holder, holder.acknowledged() + Math.max(profile.writesAfter, lease));
    await leave(candidate, profile.patienceMs);
    await stopCleanly(holder, profile.patienceMs);
    return {
      moments: { fault: atMs, ...(healed === undefined ? {} : { healed: healed.atMs }) },
      observed: [injected.observed, healed?.observed].filter(Boolean).join("; "),
      holderExit: undefined,
    };
  };
}

/** The control: the fault strikes a naive wrapper, whose application lives on beside its successor's. */
export function control(fault: (scene: Scene) => Fault): (scene: Scene) => Promise<Played> {
  return async (scene) => {
    const stage = await setStage(scene);
    const { atMs, injected, healing } = await strike(fault(scene), stage);
    await scene.untilWritten(stage.candidate, scene.profile.writesAfter);
    const healed = await healing;
    return {
      moments: { fault: atMs },
      observed: [injected.observed, healed?.observed].filter(Boolean).join("; "),
      holderExit: undefined,
    };
  };
}

/** A fault for good may be followed by a takeover within milliseconds: meanwhile no other row starts anything. */
function strikeQuietly(fault: Fault, stage: Stage & { readonly candidate: Run }): Promise<Strike> {
  if (fault.durationMs !== null) return strike(fault, stage);
  return quiet.measure(async () => {
    const struck = await strike(fault, stage);
    const limitMs = monotonicMs() + QUIET_MS;
    while (monotonicMs() < limitMs && stage.candidate.acknowledged() === 0) await pause(QUIET_LOOK_MS);
    return struck;
  });
}

export interface Strike {
  /** Just before the fault began. */
  readonly atMs: number;
  readonly injected: OngoingFault;
  /** Resolves when the fault was healed; undefined when it is for good. */
  readonly healing: Promise<{ readonly atMs: number; readonly observed: string } | undefined>;
}

/** Injects the fault, and heals it when its time is over. The duration is the fault's own property, not a wait for something. */
export async function strike(fault: Fault, stage: Stage): Promise<Strike> {
  const atMs = monotonicMs();
  const injected = await fault.inject(stage);
  const { durationMs } = fault;
  const { heal } = injected;
  if (durationMs === null || heal === undefined) return { atMs, injected, healing: Promise.resolve(undefined) };
  const healing = pause(Math.max(0, atMs + durationMs - monotonicMs())).then(async () => {
    const observed = await heal();
    return { atMs: monotonicMs(), observed };
  });
  // Awaited later; a failure must not end the process before the row can tell of it.
  healing.catch(() => undefined);
  return { atMs, injected, healing };
}

export function exitText(exit: ExitStatus): number | string {
  return exit.code ?? exit.signal ?? "unknown";
}

/** SIGTERM to the wrapper alone; its application ends with 0, so must it. */
export async function stopCleanly(run: Run, timeoutMs: number): Promise<void> {
  run.signal("SIGTERM");
  const exit = await run.untilExit(timeoutMs);
  if (exit.code !== 0) throw new Error(`the clean stop of ${run.name} ended with ${exitText(exit)}`);
}

/** A candidate is told to give up. */
export async function leave(run: Run, timeoutMs: number): Promise<void> {
  run.signal("SIGTERM");
  await run.untilExit(timeoutMs);
}

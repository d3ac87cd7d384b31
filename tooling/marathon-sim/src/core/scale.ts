import type { App } from "./app-schema.js";
import { isResident } from "./app-schema.js";
import { countedInstances, reschedule, schedule, setGoal } from "./instances.js";
import { killInstance } from "./kill.js";
import { type Instance, instancesOf, type Sim } from "./model.js";
import { killOrder } from "./selection.js";
import { isTerminal } from "./states.js";

/** Adds or ends instances until there are as many as the app wants. Skips an app that a deployment has locked. */
export function scaleCheck(sim: Sim, appId: string): void {
  const app = sim.apps.get(appId)?.app;
  if (app === undefined || isLocked(sim, appId)) return;
  scaleTo(sim, app, app.instances);
}

/** @returns the instances that were asked to end. */
export function scaleTo(sim: Sim, app: App, wanted: number): Instance[] {
  const present = countedInstances(sim, app.id);
  // Ended while a restart that was cancelled since had charge of them.
  for (const ended of present.filter(({ condition }) => isTerminal(condition))) reschedule(sim, ended);
  const victims = killOrder(present, app.killSelection).slice(0, Math.max(0, present.length - wanted));
  for (const victim of victims) endInstance(sim, app, victim);
  for (let missing = wanted - present.length; missing > 0; missing -= 1) addInstance(sim, app);
  return victims;
}

/** Scaled down: a resident instance is suspended with its reservation, any other one goes for good (facts 5). */
function endInstance(sim: Sim, app: App, instance: Instance): void {
  const suspended = isResident(app) && instance.volumes !== null;
  killInstance(sim, instance, suspended ? "Stopped" : "Decommissioned");
}

/** A suspended instance whose task has ended is taken first; only then a new one with, if resident, an empty volume. */
export function addInstance(sim: Sim, app: App): Instance {
  const suspended = instancesOf(sim, app.id).find(
    ({ goal, condition }) => goal === "Stopped" && (isTerminal(condition) || condition === "Scheduled"),
  );
  if (suspended === undefined) return schedule(sim, app);
  suspended.runSpecVersion = app.version;
  setGoal(sim, suspended, "Running");
  reschedule(sim, suspended);
  return suspended;
}

function isLocked(sim: Sim, appId: string): boolean {
  return locksOf(sim, appId).length > 0;
}

/** Ids of the deployments that change the app. */
export function locksOf(sim: Sim, appId: string): string[] {
  return [...sim.deployments.values()].filter(({ originals }) => originals.has(appId)).map(({ id }) => id);
}

import { type App, isResident } from "./app-schema.js";
import { isConsideredHealthy, isCurrent, isUp, reschedule, schedule, setGoal } from "./instances.js";
import { killInstance } from "./kill.js";
import { type Action, type Instance, instancesOf, type RestartRule, type Sim } from "./model.js";
import { killOrder } from "./selection.js";
import { isConsideredTerminal, isTerminal } from "./states.js";

/** Facts 2: how many may go at once, and how many may be there. Pure. */
export function restartRule(app: App, healthy: number): RestartRule {
  const { minimumHealthCapacity, maximumOverCapacity } = app.upgradeStrategy;
  const minHealthy = Math.ceil(app.instances * minimumHealthCapacity);
  const capacity = Math.floor(app.instances * (1 + maximumOverCapacity));
  const killFirst = Math.max(0, healthy - minHealthy);
  // {1,0}: nothing could ever move. A resident app gives one up, any other gets one on top.
  if (minHealthy === capacity && capacity <= healthy)
    return isResident(app) ? { killFirst: healthy - minHealthy + 1, capacity } : { killFirst, capacity: capacity + 1 };
  return { killFirst, capacity };
}

/** @returns whether every instance has the new definition and is up. */
export function advanceRestart(sim: Sim, action: Action): boolean {
  const { app } = action;
  const { killFirst, capacity } = action.rule ?? begin(sim, action);
  const left = remaining(sim, action);
  const fresh = newInstances(sim, action);
  const room = Math.max(0, capacity - left.length - fresh.length);
  const missing = Math.max(0, app.instances - fresh.length);
  for (let count = Math.min(room, missing); count > 0; count -= 1) startNext(sim, action);
  const up = newInstances(sim, action).filter((instance) => isUp(instance, app));
  // For each new one that is up, one more of the old may go.
  const mayGo = Math.max(0, killFirst + up.length - action.killing.size);
  for (const instance of next(action, left).slice(0, mayGo)) end(sim, action, instance);
  return up.length >= app.instances && remaining(sim, action).length === 0;
}

function begin(sim: Sim, action: Action): RestartRule {
  const { app } = action;
  action.started = true;
  const old = instancesOf(sim, app.id).filter((instance) => instance.goal === "Running" && !isCurrent(instance, app));
  for (const { id } of old) action.old.add(id);
  const healthy = instancesOf(sim, app.id).filter(
    (instance) => instance.goal === "Running" && isConsideredHealthy(instance, app),
  );
  const rule = restartRule(app, healthy.length);
  action.rule = rule;
  const candidates = old.filter((instance) => isConsideredHealthy(instance, app));
  for (const instance of next(action, candidates).slice(0, rule.killFirst)) end(sim, action, instance);
  return rule;
}

const next = (action: Action, instances: readonly Instance[]) =>
  killOrder(
    instances.filter(({ id }) => !action.killing.has(id)),
    action.app.killSelection,
  );

/** Old instances that take up capacity. One that became unreachable after it was asked to end does not (facts 2). */
function remaining(sim: Sim, action: Action): Instance[] {
  return [...action.old].flatMap((id) => {
    const instance = sim.instances.get(id);
    if (instance === undefined || isCurrentAndRunning(instance, action.app)) return [];
    if (isTerminal(instance.condition)) return [];
    return action.killing.has(id) && isConsideredTerminal(instance.condition) ? [] : [instance];
  });
}

/** A resident instance keeps its id over a change, so an old one can have become a new one (facts 5). */
const isCurrentAndRunning = (instance: Instance, app: App) => isCurrent(instance, app) && instance.goal === "Running";

function newInstances(sim: Sim, { app }: Action): Instance[] {
  return instancesOf(sim, app.id).filter((instance) => isCurrentAndRunning(instance, app));
}

function end(sim: Sim, action: Action, instance: Instance): void {
  action.killing.add(instance.id);
  const keepsVolume = isResident(action.app) && instance.volumes !== null;
  killInstance(sim, instance, keepsVolume ? "Stopped" : "Decommissioned");
}

/** A resident instance that ended is launched again on its volume; without one, a new instance is made. */
function startNext(sim: Sim, action: Action): void {
  const { app } = action;
  const ended = [...action.old].flatMap((id) => sim.instances.get(id) ?? []);
  const free = ended.find(
    (instance) => isTerminal(instance.condition) && !isCurrentAndRunning(instance, app) && instance.volumes !== null,
  );
  if (free === undefined || !isResident(app)) {
    for (const instance of ended) if (isTerminal(instance.condition)) setGoal(sim, instance, "Decommissioned");
    schedule(sim, app);
    return;
  }
  free.runSpecVersion = app.version;
  setGoal(sim, free, "Running");
  reschedule(sim, free);
}

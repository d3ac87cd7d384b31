import type { App } from "./app-schema.js";
import { emit, type Health, type Instance, instancesOf, type Sim } from "./model.js";
import { type Condition, type Goal, isTerminal, isUnreachable } from "./states.js";

export const noHealth = (): Health => ({
  alive: null,
  consecutiveFailures: 0,
  firstSuccessMs: null,
  lastSuccessMs: null,
  lastFailureMs: null,
  lastFailureCause: null,
});

/** `db_mysql` for `/db/mysql`: how an app's id begins the ids of its instances (facts 14). */
const pathPrefix = (appId: string): string => appId.slice(1).replaceAll("/", "_");

export function schedule(sim: Sim, app: App): Instance {
  const instance: Instance = {
    id: `${pathPrefix(app.id)}.instance-${sim.uuid()}`,
    appId: app.id,
    role: app.role,
    createdMs: sim.nowMs,
    goal: "Running",
    condition: "Scheduled",
    incarnation: 0,
    taskId: null,
    runSpecVersion: app.version,
    unreachableStrategy: app.unreachableStrategy,
    killSelection: app.killSelection,
    mesosState: "TASK_STAGING",
    agent: null,
    ports: [],
    stagedMs: null,
    startedMs: null,
    unreachableSinceMs: null,
    volumes: null,
    reservingUntilMs: null,
    killSentMs: null,
    health: noHealth(),
    ready: false,
    readiness: [],
  };
  sim.instances.set(instance.id, instance);
  sim.byApp.set(app.id, (sim.byApp.get(app.id) ?? new Set()).add(instance.id));
  announce(sim, instance);
  queueAgain(sim, instance);
  return instance;
}

/** The definition that the instance was made from, or will be launched with. */
export function definitionOf(sim: Sim, instance: Instance): App | undefined {
  const record = sim.apps.get(instance.appId);
  return record?.versions.get(instance.runSpecVersion) ?? record?.app;
}

/** Back into the launch queue with the same id; the next task is the next incarnation. */
export function reschedule(sim: Sim, instance: Instance): void {
  setCondition(sim, instance, "Scheduled");
  instance.health = noHealth();
  instance.ready = false;
  instance.readiness = [];
  instance.killSentMs = null;
  queueAgain(sim, instance);
}

function queueAgain(sim: Sim, instance: Instance): void {
  sim.waiting.add(instance.id);
  sim.offersDue = true;
}

export function setCondition(sim: Sim, instance: Instance, condition: Condition): void {
  if (instance.condition === condition) return;
  instance.condition = condition;
  if (condition !== "Scheduled") sim.waiting.delete(instance.id);
  if (!isUnreachable(condition)) instance.unreachableSinceMs = null;
  announce(sim, instance);
}

/** Also sends `instance_changed_event` when only the goal changed (facts 13). */
export function setGoal(sim: Sim, instance: Instance, goal: Goal): void {
  if (instance.goal === goal) return;
  instance.goal = goal;
  if (goal !== "Running") sim.waiting.delete(instance.id);
  announce(sim, instance);
  if (goal === "Decommissioned" && (isTerminal(instance.condition) || instance.condition === "Scheduled"))
    forget(sim, instance);
}

/** Marathon forgets the instance. A task of it that still runs somewhere is unknown from here on. */
export function forget(sim: Sim, instance: Instance): void {
  sim.instances.delete(instance.id);
  sim.waiting.delete(instance.id);
  const ids = sim.byApp.get(instance.appId);
  ids?.delete(instance.id);
  if (ids?.size === 0) sim.byApp.delete(instance.appId);
  // Its reservation, if it has one, belongs to nobody now: the next offer from there destroys it.
  sim.offersDue = true;
}

function announce(sim: Sim, instance: Instance): void {
  emit(sim, "instance_changed_event", {
    instanceId: instance.id,
    condition: instance.condition,
    runSpecId: instance.appId,
    agentId: instance.agent?.id ?? null,
    host: instance.agent?.hostname ?? null,
    runSpecVersion: instance.runSpecVersion,
  });
}

/** Whether the instance was made from the configuration that the app has now, however it was scaled since. */
export function isCurrent(instance: Instance, app: App): boolean {
  return instance.runSpecVersion >= app.versionInfo.lastConfigChangeAt;
}

/** Facts 2: with no check of any kind every instance counts as healthy. */
export function isConsideredHealthy(instance: Instance, app: App): boolean {
  if (app.healthChecks.length === 0 && app.readinessChecks.length === 0) return true;
  return isUp(instance, app);
}

/** Running, healthy and ready: what a deployment waits for. */
export function isUp(instance: Instance, app: App): boolean {
  if (instance.condition !== "Running") return false;
  if (app.healthChecks.length > 0 && instance.health.alive !== true) return false;
  return app.readinessChecks.length === 0 || instance.ready;
}

/** What the scale check counts: a decommissioned or inactive instance is not there (facts 4). */
export function countedInstances(sim: Sim, appId: string): Instance[] {
  return instancesOf(sim, appId).filter(
    ({ goal, condition }) => goal === "Running" && condition !== "UnreachableInactive",
  );
}

import { type Accepted, scaleApp } from "./api.js";
import { isResident } from "./app-schema.js";
import { forget, setGoal } from "./instances.js";
import { killTask, sendKill } from "./kill.js";
import type { Instance, Sim } from "./model.js";
import { instancesOf } from "./model.js";
import { noSuchApp, noSuchTask, Problem } from "./problem.js";
import { scaleCheck } from "./scale.js";
import { isTerminal, isUnreachable } from "./states.js";
import { instanceIdOf } from "./status.js";

export interface KillOptions {
  readonly scale: boolean;
  readonly wipe: boolean;
  readonly force: boolean;
}

export interface Killed {
  readonly instances: readonly Instance[];
  /** Set with `scale=true`. */
  readonly accepted: Accepted | null;
}

const TASK_ID = /^.+\.(instance-|marathon-)?[0-9a-f-]{36}(\._app\.\d+|\.\d+)?$/;

/** `DELETE /v2/apps/{id}/tasks`, of one agent when `host` is given. */
export function killOfApp(sim: Sim, appId: string, host: string | null, options: KillOptions): Killed {
  checkOptions(options);
  if (!sim.apps.has(appId)) throw noSuchApp(appId);
  const listed = instancesOf(sim, appId).filter(({ taskId }) => taskId !== null);
  return kill(
    sim,
    listed.filter(({ agent }) => host === null || agent?.hostname === host),
    options,
  );
}

/** `DELETE /v2/apps/{id}/tasks/{taskId}`. */
export function killOne(sim: Sim, appId: string, taskId: string, options: KillOptions): Killed {
  checkOptions(options);
  if (!sim.apps.has(appId)) throw noSuchApp(appId);
  const instance = sim.instances.get(instanceIdOf(taskId));
  if (instance === undefined || instance.appId !== appId || instance.taskId !== taskId) throw noSuchTask(taskId);
  return kill(sim, [instance], options);
}

/** `POST /v2/tasks/delete`: unknown ids are passed over in silence, malformed ones are not (facts 11). */
export function killMany(sim: Sim, ids: readonly string[], options: KillOptions): Killed {
  checkOptions(options);
  for (const id of ids) if (!TASK_ID.test(id)) throw new Problem(400, { message: `Invalid task id '${id}'.` });
  const found = ids.flatMap((id) => {
    const instance = sim.instances.get(instanceIdOf(id));
    return instance?.taskId === id ? [instance] : [];
  });
  return kill(sim, found, options);
}

function checkOptions({ scale, wipe }: KillOptions): void {
  if (scale && wipe) throw new Problem(400, { message: "You cannot use scale and wipe at the same time." });
}

function kill(sim: Sim, instances: readonly Instance[], { scale, wipe, force }: KillOptions): Killed {
  const answered = instances.map((instance) => ({ ...instance }));
  if (scale) return { instances: answered, accepted: killAndScale(sim, instances, force) };
  for (const instance of instances) {
    if (wipe) wipeInstance(sim, instance);
    else killPlainly(sim, instance);
  }
  return { instances: answered, accepted: null };
}

/** Same instance, launched again, next incarnation; but see the table of facts 4 for what cannot be reached. */
function killPlainly(sim: Sim, instance: Instance): void {
  if (isTerminal(instance.condition) || instance.condition === "Scheduled") return;
  if (!isUnreachable(instance.condition)) sendKill(sim, instance);
  else if (instance.volumes === null) setGoal(sim, instance, "Decommissioned");
}

/** Facts 11: the kill is sent and the instance forgotten at once; nobody waits for the process to end. */
function wipeInstance(sim: Sim, instance: Instance): void {
  const { taskId } = instance;
  setGoal(sim, instance, "Decommissioned");
  if (sim.instances.has(instance.id)) forget(sim, instance);
  scaleCheck(sim, instance.appId);
  if (taskId !== null) killTask(sim, taskId);
}

function killAndScale(sim: Sim, instances: readonly Instance[], force: boolean): Accepted {
  const appIds = [...new Set(instances.map(({ appId }) => appId))];
  const [appId] = appIds;
  const app = appId === undefined ? undefined : sim.apps.get(appId)?.app;
  if (app === undefined || appIds.length > 1)
    throw new Problem(400, { message: "scale=true needs tasks of exactly one existing app" });
  const running = instances.filter(({ goal }) => goal === "Running").length;
  const accepted = scaleApp(sim, app.id, Math.max(0, app.instances - running), { force });
  for (const instance of instances) {
    for (const action of accepted.deployment.steps.flat()) action.killing.add(instance.id);
    setGoal(sim, instance, isResident(app) && instance.volumes !== null ? "Stopped" : "Decommissioned");
    if (sim.instances.has(instance.id)) sendKill(sim, instance);
  }
  return accepted;
}

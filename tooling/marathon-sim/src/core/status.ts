import { afterFailure, isForgotten } from "./backoff.js";
import { agentHealth } from "./health.js";
import { definitionOf, forget, reschedule, setCondition } from "./instances.js";
import { killTask, sendKill } from "./kill.js";
import { emit, type Instance, type Sim, timestamp } from "./model.js";
import { scaleCheck } from "./scale.js";
import {
  apiState,
  conditionOf,
  countsForBackoff,
  isFailure,
  isTerminal,
  isTerminalState,
  type MesosState,
} from "./states.js";

/** What Mesos says of a task, by itself or when asked. */
export interface Status {
  readonly taskId: string;
  readonly state: MesosState;
  readonly message: string;
  readonly healthy: boolean | null;
}

/** `db.instance-1234` for `db.instance-1234._app.3`. */
export const instanceIdOf = (taskId: string): string => taskId.replace(/\._app\.\d+$/, "");
export const taskIdOf = (instanceId: string, incarnation: number): string => `${instanceId}._app.${incarnation}`;

/** Marathon's side of a task status (facts 4, 13). */
export function onStatus(sim: Sim, status: Status): void {
  const instance = sim.instances.get(instanceIdOf(status.taskId));
  if (instance === undefined || instance.taskId !== status.taskId) {
    onUnknown(sim, status);
    return;
  }
  const before = instance.condition;
  if (before === "Scheduled" || isTerminal(before)) return;
  const repeated = instance.mesosState === status.state;
  instance.mesosState = status.state;
  if (!repeated) announceStatus(sim, instance, status);
  if (status.healthy !== null && status.state === "TASK_RUNNING") agentHealth(sim, instance, status.healthy);
  if (status.state === "TASK_UNREACHABLE") onUnreachable(sim, instance, status);
  else if (isTerminalState(status.state)) onTerminal(sim, instance, status);
  else onAlive(sim, instance, status);
}

function onAlive(sim: Sim, instance: Instance, { state }: Status): void {
  setCondition(sim, instance, conditionOf(state));
  if (state === "TASK_RUNNING") instance.startedMs ??= sim.nowMs;
  // Came back after it was decommissioned or stopped: only now can the kill reach it.
  if (instance.goal !== "Running" && state !== "TASK_KILLING") sendKill(sim, instance);
}

function onUnreachable(sim: Sim, instance: Instance, status: Status): void {
  const sinceMs = instance.unreachableSinceMs ?? sim.nowMs;
  const wasInactive = instance.condition === "UnreachableInactive";
  if (instance.unreachableSinceMs === null) noteFailure(sim, instance, status);
  const strategy = instance.unreachableStrategy;
  const elapsedMs = sim.nowMs - sinceMs;
  const { appSecondMs } = sim.flags;
  if (strategy !== "disabled" && elapsedMs >= strategy.expungeAfterSeconds * appSecondMs) {
    setCondition(sim, instance, "UnreachableInactive");
    expunge(sim, instance);
    return;
  }
  const inactive = strategy !== "disabled" && elapsedMs >= strategy.inactiveAfterSeconds * appSecondMs;
  setCondition(sim, instance, inactive ? "UnreachableInactive" : "Unreachable");
  instance.unreachableSinceMs = sinceMs;
  if (inactive && !wasInactive) scaleCheck(sim, instance.appId);
}

/** Forgets an instance and sees to a replacement at once. */
export function expunge(sim: Sim, instance: Instance): void {
  forget(sim, instance);
  scaleCheck(sim, instance.appId);
}

function onTerminal(sim: Sim, instance: Instance, status: Status): void {
  const condition = conditionOf(status.state);
  noteFailure(sim, instance, status);
  noteBackoff(sim, instance, status.state);
  instance.killSentMs = null;
  setCondition(sim, instance, condition);
  if (instance.goal === "Decommissioned") {
    forget(sim, instance);
    return;
  }
  // Facts 5: the operator says that the machine is gone, so its volume is given up, and a new one will be empty.
  if (status.state === "TASK_GONE_BY_OPERATOR") instance.volumes = null;
  if (instance.goal !== "Running" || isBeingReplaced(sim, instance)) return;
  const app = sim.apps.get(instance.appId)?.app;
  if (app !== undefined) instance.runSpecVersion = app.version;
  reschedule(sim, instance);
}

/** An old instance of a restart that ended by itself: the deployment decides what comes in its place. */
function isBeingReplaced(sim: Sim, instance: Instance): boolean {
  return [...sim.deployments.values()].some(({ steps, at }) =>
    (steps[at] ?? []).some(
      ({ action, started, old }) => action === "RestartApplication" && started && old.has(instance.id),
    ),
  );
}

function onUnknown(sim: Sim, { taskId, state }: Status): void {
  const condition = conditionOf(state);
  if (!isTerminal(condition) && condition !== "Unreachable") {
    // An agent that is at it already needs no second word: each answer would only ask for the next.
    if (state !== "TASK_KILLING") killTask(sim, taskId);
    return;
  }
  const instanceId = instanceIdOf(taskId);
  if (sim.instances.has(instanceId)) return;
  const runSpecId = `/${instanceId.replace(/\.instance-.*$/, "").replaceAll("_", "/")}`;
  emit(sim, "unknown_instance_terminated_event", { instanceId, runSpecId, condition });
}

function announceStatus(sim: Sim, instance: Instance, { taskId, state, message }: Status): void {
  emit(sim, "status_update_event", {
    slaveId: instance.agent?.id ?? "",
    taskId,
    taskStatus: state,
    message,
    appId: instance.appId,
    host: instance.agent?.hostname ?? "",
    ipAddresses: ipAddresses(instance),
    ports: instance.ports,
    version: instance.runSpecVersion,
  });
}

export function ipAddresses(instance: Instance): { ipAddress: string; protocol: string }[] {
  const host = instance.agent?.hostname ?? "";
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) ? [{ ipAddress: host, protocol: "IPv4" }] : [];
}

function noteFailure(sim: Sim, instance: Instance, { taskId, state, message }: Status): void {
  const record = sim.apps.get(instance.appId);
  if (record === undefined || !isFailure(state)) return;
  record.lastTaskFailure = {
    appId: instance.appId,
    host: instance.agent?.hostname ?? "",
    message,
    state: apiState(state),
    taskId,
    timestamp: timestamp(sim.nowMs),
    version: instance.runSpecVersion,
    slaveId: instance.agent?.id ?? "",
  };
}

/** Facts 8: kept per configuration, in memory only. */
export function backoffKey(appId: string, configVersion: string): string {
  return `${appId}@${configVersion}`;
}

function noteBackoff(sim: Sim, instance: Instance, state: MesosState): void {
  const app = definitionOf(sim, instance);
  if (app === undefined || !countsForBackoff(state)) return;
  const key = backoffKey(app.id, app.versionInfo.lastConfigChangeAt);
  const before = sim.backoffs.get(key);
  const { appSecondMs } = sim.flags;
  const current = before === undefined || isForgotten(before, app, appSecondMs, sim.nowMs) ? undefined : before;
  sim.backoffs.set(key, afterFailure(current, app, appSecondMs, sim.nowMs));
}

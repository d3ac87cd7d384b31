import { runsOnAgent } from "./app-schema.js";
import { sendKill } from "./kill.js";
import { emit, type Instance, type ReadinessResponse, type Sim, timestamp } from "./model.js";
import { isUnreachable } from "./states.js";

/** A result of a check that the agent makes: it came with a task status, and the agent itself kills (facts 9). */
export function agentHealth(sim: Sim, instance: Instance, healthy: boolean): void {
  note(sim, instance, healthy, healthy ? null : "the check on the agent failed");
}

/** A result of an HTTP or TCP check that the leader itself makes. `index` names the check in the app's list. */
export function leaderHealth(
  sim: Sim,
  instance: Instance,
  index: number,
  result: { readonly healthy: boolean; readonly cause: string },
): void {
  const app = sim.apps.get(instance.appId)?.app;
  const check = app?.healthChecks[index];
  if (app === undefined || check === undefined || runsOnAgent(check) || instance.condition !== "Running") return;
  const graceMs = check.gracePeriodSeconds * sim.flags.appSecondMs;
  const inGrace = instance.health.firstSuccessMs === null && sim.nowMs - (instance.startedMs ?? sim.nowMs) < graceMs;
  if (!result.healthy && inGrace) return;
  note(sim, instance, result.healthy, result.cause);
  if (result.healthy) return;
  emit(sim, "failed_health_check_event", { appId: app.id, taskId: instance.id, healthCheck: check });
  // Facts 9: 0 means "never kill" for checks of the leader; and they do not kill what cannot be reached.
  const { maxConsecutiveFailures } = check;
  if (maxConsecutiveFailures === 0 || instance.health.consecutiveFailures < maxConsecutiveFailures) return;
  if (isUnreachable(instance.condition) || instance.killSentMs !== null) return;
  emit(sim, "unhealthy_instance_kill_event", {
    appId: app.id,
    taskId: instance.taskId,
    instanceId: instance.id,
    version: instance.runSpecVersion,
    reason: result.cause,
    host: instance.agent?.hostname ?? "",
    slaveId: instance.agent?.id ?? null,
  });
  sendKill(sim, instance);
}

/** A result of a readiness check, which the leader makes; it gates deployments only (facts 9). */
export function readinessResult(
  sim: Sim,
  instance: Instance,
  name: string,
  ready: boolean,
  lastResponse: ReadinessResponse | null,
): void {
  const check = sim.apps.get(instance.appId)?.app.readinessChecks.find((each) => each.name === name);
  if (check === undefined || instance.condition !== "Running") return;
  instance.readiness = [{ name, ready, lastResponse: check.preserveLastResponse ? lastResponse : null }];
  instance.ready = instance.ready || ready;
}

function note(sim: Sim, instance: Instance, healthy: boolean, cause: string | null): void {
  const { health } = instance;
  const before = health.alive;
  health.alive = healthy;
  if (healthy) {
    health.consecutiveFailures = 0;
    health.firstSuccessMs ??= sim.nowMs;
    health.lastSuccessMs = sim.nowMs;
  } else {
    health.consecutiveFailures += 1;
    health.lastFailureMs = sim.nowMs;
    health.lastFailureCause = cause;
  }
  if (before === healthy) return;
  const { appId, id: instanceId, runSpecVersion } = instance;
  emit(sim, "instance_health_changed_event", { instanceId, runSpecId: appId, healthy, runSpecVersion });
  emit(sim, "health_status_changed_event", { appId, instanceId, version: runSpecVersion, alive: healthy });
}

/** `healthCheckResults` of a task; empty before the first result. */
export function healthResults(instance: Instance): Record<string, unknown>[] {
  const { health } = instance;
  if (health.alive === null) return [];
  const time = (ms: number | null) => (ms === null ? {} : timestamp(ms));
  return [
    {
      alive: health.alive,
      consecutiveFailures: health.consecutiveFailures,
      instanceId: instance.id,
      ...(health.firstSuccessMs === null ? {} : { firstSuccess: time(health.firstSuccessMs) }),
      ...(health.lastSuccessMs === null ? {} : { lastSuccess: time(health.lastSuccessMs) }),
      ...(health.lastFailureMs === null ? {} : { lastFailure: time(health.lastFailureMs) }),
      ...(health.lastFailureCause === null ? {} : { lastFailureCause: health.lastFailureCause }),
    },
  ];
}

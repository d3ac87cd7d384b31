import { delayLeftMs } from "./api.js";
import type { App } from "./app-schema.js";
import { shownApp } from "./app-store.js";
import { healthResults } from "./health.js";
import { type AppRecord, type Instance, instancesOf, REJECT_REASONS, type Sim, timestamp } from "./model.js";
import { locksOf } from "./scale.js";
import { apiState, isTerminal } from "./states.js";
import { ipAddresses } from "./status.js";

/** A task as the API shows it (facts 14); undefined for an instance that was never launched. */
export function shownTask(sim: Sim, instance: Instance): Record<string, unknown> | undefined {
  const { taskId, agent, condition, volumes } = instance;
  if (taskId === null || agent === null) return undefined;
  const inactive = isTerminal(condition) || condition === "Scheduled";
  const app = sim.apps.get(instance.appId)?.app;
  const health = healthResults(instance);
  return {
    appId: instance.appId,
    host: agent.hostname,
    id: taskId,
    slaveId: agent.id,
    state: apiState(instance.mesosState),
    ipAddresses: ipAddresses(instance),
    ports: inactive ? [] : instance.ports,
    servicePorts: app === undefined ? [] : servicePorts(app),
    ...(inactive || instance.stagedMs === null ? {} : { stagedAt: timestamp(instance.stagedMs) }),
    ...(inactive || instance.startedMs === null ? {} : { startedAt: timestamp(instance.startedMs) }),
    ...(inactive ? {} : { version: instance.runSpecVersion }),
    ...(health.length === 0 ? {} : { healthCheckResults: health }),
    ...(volumes === null ? {} : { localVolumes: volumes }),
    region: agent.region,
    zone: agent.zone,
    role: instance.role,
  };
}

function servicePorts(app: App): number[] {
  if (app.portDefinitions !== undefined) return app.portDefinitions.map(({ port }) => port);
  return (app.container?.portMappings ?? []).map(({ servicePort }) => servicePort);
}

export function tasksOfApp(sim: Sim, appId: string): Record<string, unknown>[] {
  return instancesOf(sim, appId)
    .map((instance) => shownTask(sim, instance))
    .filter((task) => task !== undefined);
}

export interface Embed {
  readonly tasks: boolean;
  readonly lastTaskFailure: boolean;
  readonly readiness: boolean;
}

/** An app with what is embedded; counts and deployments always are (facts 11). */
export function shownAppInfo(sim: Sim, { app, lastTaskFailure }: AppRecord, embed: Embed): Record<string, unknown> {
  const instances = instancesOf(sim, app.id);
  const count = (test: (instance: Instance) => boolean) => instances.filter(test).length;
  const running = ({ condition }: Instance) => condition === "Running";
  return {
    ...shownApp(app),
    tasksStaged: count(
      ({ condition }) => condition === "Staging" || condition === "Starting" || condition === "Provisioned",
    ),
    tasksRunning: count(running),
    tasksHealthy: count((instance) => running(instance) && instance.health.alive === true),
    tasksUnhealthy: count((instance) => running(instance) && instance.health.alive === false),
    deployments: locksOf(sim, app.id).map((id) => ({ id })),
    ...(embed.tasks ? { tasks: tasksOfApp(sim, app.id) } : {}),
    ...(embed.lastTaskFailure && lastTaskFailure !== null ? { lastTaskFailure } : {}),
    ...(embed.readiness
      ? {
          readinessCheckResults: instances.flatMap(({ id, readiness }) =>
            readiness.map(({ name, ready }) => ({ name, taskId: id, ready })),
          ),
        }
      : {}),
  };
}

/** The launch queue (facts 8): every app that has instances to launch. */
export function shownQueue(sim: Sim): Record<string, unknown> {
  const counts = new Map<string, number>();
  for (const id of sim.waiting) {
    const appId = sim.instances.get(id)?.appId;
    if (appId !== undefined) counts.set(appId, (counts.get(appId) ?? 0) + 1);
  }
  const queue = [...counts].flatMap(([appId, count]) => {
    const app = sim.apps.get(appId)?.app;
    return app === undefined ? [] : [queueItem(sim, app, count)];
  });
  return { queue };
}

function queueItem(sim: Sim, app: App, count: number): Record<string, unknown> {
  const stats = sim.queue.get(app.id);
  const leftMs = delayLeftMs(sim, app);
  return {
    count,
    // Seconds as the app counts them, so that they fit the numbers of its definition at any time scale.
    delay: { timeLeftSeconds: Math.ceil(leftMs / sim.flags.appSecondMs), overdue: leftMs === 0 },
    since: timestamp(stats?.sinceMs ?? sim.nowMs),
    processedOffersSummary: {
      processedOffersCount: stats?.processed ?? 0,
      unusedOffersCount: stats?.unused ?? 0,
      ...(stats?.lastUnusedMs == null ? {} : { lastUnusedOfferAt: timestamp(stats.lastUnusedMs) }),
      ...(stats?.lastUsedMs == null ? {} : { lastUsedOfferAt: timestamp(stats.lastUsedMs) }),
      rejectSummaryLastOffers: lastOffers(stats === undefined ? [] : [...stats.lastByAgent.values()]),
      rejectSummaryLaunchAttempt: REJECT_REASONS.map((reason) => ({
        reason,
        ...(stats?.attempt.get(reason) ?? { declined: 0, processed: 0 }),
      })),
    },
    role: app.role,
    app: shownApp(app),
  };
}

/** Each reason sees the offers that the reasons before it let through. */
function lastOffers(reasons: readonly (string | null)[]): Record<string, unknown>[] {
  let processed = reasons.length;
  return REJECT_REASONS.map((reason) => {
    const declined = reasons.filter((each) => each === reason).length;
    const step = { reason, declined, processed };
    processed -= declined;
    return step;
  });
}

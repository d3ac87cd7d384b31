import type { ObservedService, ObservedTask } from "@holdfast/core";
import type { App, MarathonTask, QueueItem } from "@holdfast/marathon";
import { OWNER_LABEL } from "../app-id.js";
import { normalForm } from "../diff/normal-form.js";
import { taskState } from "./task-state.js";

/** A task with the state's own name, since several of Mesos's states become one here. */
export interface MarathonTaskView extends ObservedTask {
  readonly marathonState: string;
}

/** What Marathon believes of a service. Never proof that a run is over. */
export interface MarathonService extends ObservedService {
  readonly service: string;
  readonly appId: string;
  /** `foreign`: there is an app of this id without our label, or with that of another service. Nothing changes it. */
  readonly owner: "nobody" | "holdfast" | "foreign";
  readonly tasks: readonly MarathonTaskView[];
  /** As it was read; null = there is none. */
  readonly app: App | null;
  /** Its entry in the launch queue; null = nothing of it waits, or the queue was not read. */
  readonly queued: QueueItem | null;
}

/** Pure. */
export function viewOf(service: string, appId: string, app: App | null, queued: QueueItem | null): MarathonService {
  if (app === null) {
    const nothing = { exists: false, definition: null, suspended: false, tasks: [], deployments: [] } as const;
    return { service, appId, owner: "nobody", app, queued, ...nothing };
  }
  return {
    service,
    appId,
    owner: app.labels?.[OWNER_LABEL] === service ? "holdfast" : "foreign",
    exists: true,
    // Without what is only reported, which changes by itself.
    definition: normalForm(app),
    suspended: app.instances === 0,
    tasks: (app.tasks ?? []).map((task) => taskView(task, app.version)),
    deployments: (app.deployments ?? []).map(({ id }) => id),
    app,
    queued,
  };
}

function taskView(task: MarathonTask, appVersion: string): MarathonTaskView {
  return {
    id: task.id,
    // Agents go by the host name that they registered with, as in constraints.
    agent: task.host ?? task.slaveId ?? "(no agent yet)",
    // Marathon knows nothing of runs; a lease record names the task of its holder.
    run: null,
    state: taskState(task.state),
    marathonState: task.state,
    since: task.startedAt ?? task.stagedAt ?? task.version ?? appVersion,
    exitCode: null,
  };
}

/** Everything of one look at Marathon. */
export interface MarathonOverview {
  /** By service name; only those that have an app of ours. */
  readonly services: ReadonlyMap<string, MarathonService>;
  /**
   * Apps that carry our label under another id than the service's: somebody copied a definition. The lease keeps the copy
   * from writing; an operator should delete it.
   */
  readonly strays: readonly string[];
}

/** Pure: apps with our label, and the launch queue, as services. */
export function overviewOf(
  apps: readonly App[],
  queue: readonly QueueItem[],
  appIdOfService: (service: string) => string,
): MarathonOverview {
  const queued = new Map(queue.flatMap((item) => (item.app === undefined ? [] : [[item.app.id, item] as const])));
  const services = new Map<string, MarathonService>();
  const strays: string[] = [];
  for (const app of apps) {
    const service = app.labels?.[OWNER_LABEL];
    if (service === undefined) continue;
    if (app.id !== appIdOfService(service)) strays.push(app.id);
    else services.set(service, viewOf(service, app.id, app, queued.get(app.id) ?? null));
  }
  return { services, strays };
}

import { parseApp, parseUpdate } from "./app-parse.js";
import { type App, persistentVolumes, type RequestedApp } from "./app-schema.js";
import { changeKind, storedApp } from "./app-store.js";
import { externalNameClash, residentUpdateProblems, validateApp } from "./app-validate.js";
import { hasLowerCaseOperator } from "./constraints.js";
import { actionsFor, type Change, cancelDeployment, startDeployment } from "./deployments.js";
import { type Deployment, emit, nextVersion, type Sim, timestamp } from "./model.js";
import { launchNotBeforeMs } from "./offers.js";
import { invalid, noSuchApp, Problem } from "./problem.js";
import { locksOf } from "./scale.js";
import { backoffKey } from "./status.js";

/** Facts 11: `--max_running_deployments`. */
const DEPLOYMENTS_MAX = 100;

export interface Accepted {
  readonly deployment: Deployment;
  readonly version: string;
  readonly created: boolean;
}

/** `POST /v2/apps`: the atomic "create". */
export function createApp(sim: Sim, body: unknown): Accepted & { readonly app: App } {
  const requested = parseApp(body);
  if (sim.apps.has(requested.id))
    throw new Problem(409, { message: `An app with id [${requested.id}] already exists.` });
  const accepted = change(sim, [requested], { force: false });
  return { ...accepted, app: appOf(sim, requested.id) };
}

export interface UpdateOptions {
  readonly force: boolean;
  readonly partial: boolean;
  /** PATCH never creates. */
  readonly mayCreate: boolean;
}

/** `PUT` and `PATCH /v2/apps/{id}`. The id of the body is ignored. */
export function updateApp(sim: Sim, id: string, body: unknown, options: UpdateOptions): Accepted {
  return change(sim, [requestedUpdate(sim, id, body, options)], options);
}

function requestedUpdate(sim: Sim, id: string, body: unknown, { partial, mayCreate }: UpdateOptions): RequestedApp {
  const current = sim.apps.get(id);
  const isObject = typeof body === "object" && body !== null;
  // `{"version": v}` alone: back to that definition.
  if (current !== undefined && isObject && "version" in body && typeof body.version === "string") {
    const earlier = current.versions.get(body.version);
    if (earlier === undefined)
      throw new Problem(404, { message: `App '${id}' version '${body.version}' does not exist` });
    return earlier;
  }
  if (current !== undefined && partial) return parseUpdate(body, current.app);
  // An incomplete body for a missing app is refused for that first (facts 11).
  const requested = parseApp(isObject ? { ...body, id } : body);
  if (current === undefined && !mayCreate) {
    const problems = validateApp(storedApp(requested, undefined, context(sim, "")), sim.flags);
    throw problems.length > 0 ? invalid(problems) : noSuchApp(id);
  }
  return requested;
}

/** `PUT` and `PATCH /v2/apps`: several apps in one deployment. */
export function updateApps(sim: Sim, bodies: readonly unknown[], options: UpdateOptions): Accepted {
  const requested = bodies.map((body) => {
    const { id } = parseApp({ cmd: "true", ...(body as object) });
    return requestedUpdate(sim, id, body, options);
  });
  return change(sim, requested, options);
}

const context = (sim: Sim, version: string) => ({
  ...{ version, role: sim.flags.mesosRole },
  servicePort: () => sim.nextServicePort++,
});

function change(sim: Sim, requested: readonly RequestedApp[], { force }: { readonly force: boolean }): Accepted {
  const version = nextVersion(sim);
  const changes = requested.map((each): Change & { after: App } => {
    const before = sim.apps.get(each.id)?.app ?? null;
    const after = storedApp(each, before ?? undefined, context(sim, version));
    check(sim, before, after);
    return { before, after };
  });
  admit(sim, changes, force);
  for (const { before, after } of changes) {
    // An update that changes nothing keeps the version that is there.
    if (before !== null && changeKind(before, after) === "none") continue;
    store(sim, after);
  }
  const created = changes.some(({ before }) => before === null);
  return { deployment: startDeployment(sim, changes, version), version, created };
}

function check(sim: Sim, before: App | null, after: App): void {
  const others = [...sim.apps.values()].map(({ app }) => app);
  const problems = [
    ...validateApp(after, sim.flags),
    ...(before === null ? [] : residentUpdateProblems(before, after)),
    ...externalNameClash(after, others),
  ];
  if (problems.length > 0) throw invalid(problems);
  // Facts 5 and 7: what validation lets through and the conversion to Mesos cannot say.
  const volumeOperators = persistentVolumes(after).flatMap(({ persistent }) => persistent.constraints ?? []);
  if (hasLowerCaseOperator(after.constraints) || volumeOperators.some(([, operator]) => operator === "UNLIKE"))
    throw new Problem(500, { message: "Unexpected error: cannot convert constraint" });
}

function store(sim: Sim, app: App): void {
  const record = sim.apps.get(app.id) ?? { app, versions: new Map<string, App>(), lastTaskFailure: null };
  record.app = app;
  record.versions.set(app.version, app);
  sim.apps.set(app.id, record);
}

/** One deployment per app: refused, or with force the other one is cancelled (facts 11). */
function admit(sim: Sim, changes: readonly Change[], force: boolean): void {
  const affected = changes.filter((each) => actionsFor(each).length > 0);
  const locks = new Set(affected.flatMap(({ before, after }) => locksOf(sim, (after ?? before)?.id ?? "")));
  if (locks.size > 0 && !force) {
    const message =
      "App is locked by one or more deployments. Override with the option '?force=true'. " +
      "View details at '/v2/deployments/<DEPLOYMENT_ID>'.";
    throw new Problem(409, { message, deployments: [...locks].map((id) => ({ id })) });
  }
  if (affected.length > 0 && sim.deployments.size - locks.size >= DEPLOYMENTS_MAX)
    throw new Problem(403, {
      message: `Max number (${DEPLOYMENTS_MAX}) of running deployments is achieved. Wait for existing deployments to complete or cancel one using force=true parameter.`,
    });
  for (const id of locks) {
    const deployment = sim.deployments.get(id);
    if (deployment !== undefined) cancelDeployment(sim, deployment);
  }
}

/** `DELETE /v2/apps/{id}`: gone from the API at once; the deployment ends its instances. */
export function deleteApp(sim: Sim, id: string, { force }: { readonly force: boolean }): Accepted {
  const before = appOf(sim, id);
  const changes = [{ before, after: null }];
  admit(sim, changes, force);
  const version = nextVersion(sim);
  sim.apps.delete(id);
  return { deployment: startDeployment(sim, changes, version), version, created: false };
}

/** `POST /v2/apps/{id}/restart`. */
export function restartApp(sim: Sim, id: string, { force }: { readonly force: boolean }): Accepted {
  const before = appOf(sim, id);
  const version = nextVersion(sim);
  const after = { ...before, version, versionInfo: { lastScalingAt: version, lastConfigChangeAt: version } };
  const changes = [{ before, after, restart: true }];
  admit(sim, changes, force);
  store(sim, after);
  return { deployment: startDeployment(sim, changes, version), version, created: false };
}

/** Sets the number of instances, as a kill with `scale=true` does. */
export function scaleApp(sim: Sim, id: string, instances: number, { force }: { readonly force: boolean }): Accepted {
  return change(sim, [{ ...appOf(sim, id), instances }], { force });
}

/** `DELETE /v2/deployments/{id}`. Null = cancelled only (`force=true`), nothing is rolled back. */
export function deleteDeployment(sim: Sim, id: string, { force }: { readonly force: boolean }): Accepted | null {
  const deployment = sim.deployments.get(id);
  if (deployment === undefined) throw new Problem(404, { message: `DeploymentPlan ${id} does not exist` });
  cancelDeployment(sim, deployment);
  if (force) return null;
  const version = nextVersion(sim);
  const changes = [...deployment.originals].map(([appId, original]): Change => {
    const before = sim.apps.get(appId)?.app ?? null;
    if (original === null) return { before, after: null };
    const isScale = before !== null && changeKind(before, original) !== "config";
    const lastConfigChangeAt = isScale ? before.versionInfo.lastConfigChangeAt : version;
    return { before, after: { ...original, version, versionInfo: { lastScalingAt: version, lastConfigChangeAt } } };
  });
  for (const { before, after } of changes) {
    if (after !== null) store(sim, after);
    else if (before !== null) sim.apps.delete(before.id);
  }
  return { deployment: startDeployment(sim, changes, version), version, created: false };
}

/** `DELETE /v2/queue/{id}/delay`: the next launch happens at once. */
export function resetDelay(sim: Sim, id: string): void {
  const app = sim.apps.get(id)?.app;
  const waits = [...sim.waiting].some((instanceId) => sim.instances.get(instanceId)?.appId === id);
  if (app === undefined || !waits) throw new Problem(404, { message: `Application ${id} not found in tasks queue.` });
  sim.backoffs.delete(backoffKey(id, app.versionInfo.lastConfigChangeAt));
  sim.offersDue = true;
}

/** Milliseconds until the app's next launch may happen. */
export const delayLeftMs = (sim: Sim, app: App): number => Math.max(0, launchNotBeforeMs(sim, app) - sim.nowMs);

export function appOf(sim: Sim, id: string): App {
  const record = sim.apps.get(id);
  if (record === undefined) throw noSuchApp(id);
  return record.app;
}

/** Sent for every accepted POST, PUT and PATCH of an app (facts 13). */
export function announcePost(sim: Sim, clientIp: string, uri: string, app: unknown): void {
  emit(sim, "api_post_event", { clientIp, uri, appDefinition: app, timestamp: timestamp(sim.nowMs) });
}

import type { App } from "./app-schema.js";
import { changeKind } from "./app-store.js";
import { countedInstances, isUp } from "./instances.js";
import { killInstance } from "./kill.js";
import { type Action, type ActionName, type Deployment, emit, instancesOf, type Sim } from "./model.js";
import { advanceRestart } from "./restart.js";
import { addInstance, scaleTo } from "./scale.js";
import { isConsideredTerminal } from "./states.js";

/** One app before and after a change; null = not there. */
export interface Change {
  readonly before: App | null;
  readonly after: App | null;
  /** A restart although nothing differs (`POST …/restart`). */
  readonly restart?: boolean;
}

/** Which actions a change of one app takes, in their order (facts 2). Pure. */
export function actionsFor({ before, after, restart }: Change): { action: ActionName; app: App }[] {
  if (after === null) return before === null ? [] : [{ action: "StopApplication", app: before }];
  if (before === null)
    return [
      { action: "StartApplication", app: after },
      ...(after.instances > 0 ? [{ action: "ScaleApplication" as const, app: after }] : []),
    ];
  const kind = restart === true ? "config" : changeKind(before, after);
  if (kind === "none") return [];
  // A new number of 0 is a scale, whatever else changed with it.
  return [
    { action: kind === "scale" || after.instances === 0 ? "ScaleApplication" : "RestartApplication", app: after },
  ];
}

export function startDeployment(sim: Sim, changes: readonly Change[], version: string): Deployment {
  const perApp = dependencyOrder(changes).map((change) => actionsFor(change).map(toAction));
  const deployment: Deployment = {
    id: sim.uuid(),
    version,
    steps: perApp.flat().map((action) => [action]),
    at: 0,
    originals: new Map(
      changes
        .filter((change) => actionsFor(change).length > 0)
        .map(({ before, after }) => [(after ?? before)?.id ?? "", before]),
    ),
  };
  emit(sim, "group_change_success", { groupId: "/", version });
  if (deployment.steps.length === 0) {
    emit(sim, "deployment_success", { id: deployment.id, plan: planOf(deployment) });
    return deployment;
  }
  sim.deployments.set(deployment.id, deployment);
  announceStep(sim, deployment, "deployment_info");
  return deployment;
}

const toAction = ({ action, app }: { action: ActionName; app: App }): Action => ({
  ...{ action, appId: app.id, app, started: false },
  killing: new Set(),
  old: new Set(),
  rule: null,
});

/** Facts 2: `dependencies` only orders the steps of one deployment. */
function dependencyOrder(changes: readonly Change[]): Change[] {
  const appOf = ({ before, after }: Change) => after ?? before;
  const done: Change[] = [];
  const visit = (change: Change, trail: ReadonlySet<string>) => {
    const app = appOf(change);
    if (done.includes(change) || app === null || trail.has(app.id)) return;
    for (const other of changes)
      if (app.dependencies.includes(appOf(other)?.id ?? "")) visit(other, new Set([...trail, app.id]));
    done.push(change);
  };
  for (const change of changes) visit(change, new Set());
  return done;
}

/** Goes on with every deployment as far as the instances allow. */
export function advanceDeployments(sim: Sim): boolean {
  let moved = false;
  for (const deployment of [...sim.deployments.values()])
    while (sim.deployments.has(deployment.id) && advanceStep(sim, deployment)) moved = true;
  return moved;
}

function advanceStep(sim: Sim, deployment: Deployment): boolean {
  const actions = deployment.steps[deployment.at] ?? [];
  // Every action is looked at, also when an earlier one is not done.
  const done = actions.map((action) => advanceAction(sim, action)).every(Boolean);
  if (!done || isHeld(sim, deployment)) return false;
  announceStep(sim, deployment, "deployment_step_success");
  deployment.at += 1;
  if (deployment.at < deployment.steps.length) {
    announceStep(sim, deployment, "deployment_info");
    return true;
  }
  sim.deployments.delete(deployment.id);
  emit(sim, "deployment_success", { id: deployment.id, plan: planOf(deployment) });
  return true;
}

/** Held by the test: everything happens, but the last step is never over. */
function isHeld({ held }: Sim, { steps, at, originals }: Deployment): boolean {
  return at === steps.length - 1 && (held.has("*") || [...originals.keys()].some((appId) => held.has(appId)));
}

function advanceAction(sim: Sim, action: Action): boolean {
  switch (action.action) {
    case "StartApplication":
      return true;
    case "StopApplication":
      return advanceStop(sim, action);
    case "ScaleApplication":
      return advanceScale(sim, action);
    case "RestartApplication":
      return advanceRestart(sim, action);
    default:
      return action.action satisfies never;
  }
}

function advanceScale(sim: Sim, action: Action): boolean {
  const { app } = action;
  if (!action.started) {
    action.started = true;
    for (const { id } of scaleTo(sim, app, app.instances)) action.killing.add(id);
  }
  if (!allOver(sim, action)) return false;
  // What went missing while the deployment has the app locked, nobody else replaces.
  for (let missing = app.instances - countedInstances(sim, app.id).length; missing > 0; missing -= 1)
    addInstance(sim, app);
  return countedInstances(sim, app.id).filter((instance) => isUp(instance, app)).length >= app.instances;
}

function advanceStop(sim: Sim, action: Action): boolean {
  if (!action.started) {
    action.started = true;
    for (const instance of instancesOf(sim, action.appId)) {
      action.killing.add(instance.id);
      killInstance(sim, instance, "Decommissioned");
    }
  }
  if (!allOver(sim, action)) return false;
  // Facts 4: says "terminated" although an unreachable instance may be alive.
  emit(sim, "app_terminated_event", { appId: action.appId });
  return true;
}

/** Facts 2: an unreachable instance is taken for one that ended. One that waits to be launched is not (facts 5). */
function allOver(sim: Sim, { killing }: Action): boolean {
  return [...killing].every((id) => {
    const instance = sim.instances.get(id);
    return instance === undefined || isConsideredTerminal(instance.condition);
  });
}

export function cancelDeployment(sim: Sim, deployment: Deployment): void {
  sim.deployments.delete(deployment.id);
  emit(sim, "deployment_failed", {
    ...{ id: deployment.id, plan: planOf(deployment) },
    reason: "The upgrade has been cancelled",
  });
}

/** A new leader begins the step under way again, from what the instances are now (facts 12). */
export function resumeDeployments(sim: Sim): void {
  for (const { steps } of sim.deployments.values())
    for (const action of steps.flat()) {
      action.started = false;
      action.killing.clear();
      action.old.clear();
      action.rule = null;
    }
}

const shownActions = (actions: readonly Action[]) => actions.map(({ action, appId }) => ({ action, app: appId }));

function planOf({ id, version, steps }: Deployment): Record<string, unknown> {
  return { id, version, steps: steps.map((actions) => ({ actions: shownActions(actions) })) };
}

function announceStep(sim: Sim, deployment: Deployment, eventType: string): void {
  const current = deployment.steps[deployment.at] ?? [];
  emit(sim, eventType, { plan: planOf(deployment), currentStep: { actions: shownActions(current) } });
}

/** An entry of `GET /v2/deployments`. */
export function shownDeployment(sim: Sim, deployment: Deployment): Record<string, unknown> {
  const current = deployment.steps[deployment.at] ?? [];
  return {
    ...planOf(deployment),
    affectedApps: [...deployment.originals.keys()],
    affectedPods: [],
    currentActions: current.map(({ action, appId }) => ({
      ...{ action, app: appId },
      readinessCheckResults: instancesOf(sim, appId).flatMap(({ id, readiness }) =>
        readiness.map(({ name, ready, lastResponse }) => ({
          ...{ name, taskId: id, ready },
          ...(lastResponse === null ? {} : { lastResponse }),
        })),
      ),
    })),
    currentStep: deployment.at + 1,
    totalSteps: deployment.steps.length,
  };
}

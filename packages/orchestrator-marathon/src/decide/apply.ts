import { type AppDiff, diffApp } from "../diff/diff.js";
import type { MarathonService } from "../observe/observation.js";
import { isListedAlive } from "../observe/task-state.js";
import { hasChecks, isResident } from "./app-traits.js";
import { proofOf, type RunEvidence } from "./evidence.js";
import { gate, uncertainTasks } from "./gate.js";
import { foreign, locked, type Refusal } from "./refusal.js";

/**
 * What applying a definition does next. `restart` in the diff means that the database stops and starts.
 * `stop-first`: the only instance is not healthy, so that Marathon would stop nothing and wait for ever (facts 2): the app is
 * scaled to 0, then given its definition. `wait`: what was begun has to end first; look again.
 */
export type ApplyPlan =
  | { readonly kind: "nothing"; readonly diff: AppDiff }
  | { readonly kind: "create"; readonly diff: AppDiff }
  | { readonly kind: "replace"; readonly diff: AppDiff }
  | { readonly kind: "stop-first"; readonly diff: AppDiff; readonly why: string }
  | { readonly kind: "wait"; readonly diff: AppDiff; readonly why: string }
  | Refusal;

export interface ApplyOptions {
  readonly evidence: RunEvidence | null;
  /** Deployments that this very apply began; another one's lock is refused, its own is waited for. */
  readonly own?: ReadonlySet<string>;
}

type Definition = Readonly<Record<string, unknown>>;

/** Pure. */
export function planApply(view: MarathonService, definition: Definition, options: ApplyOptions): ApplyPlan {
  const { evidence, own = new Set() } = options;
  if (view.app === null) return planCreate(view, definition, evidence);
  if (view.owner !== "holdfast") return foreign(view);
  const { app } = view;
  const diff = diffApp(app, definition);
  if (diff.effect === "none") return { kind: "nothing", diff };
  if (diff.effect === "refused") return refusedByMarathon(view, diff);
  if (view.deployments.some((id) => !own.has(id))) return locked(view);
  if (view.deployments.length > 0) return { kind: "wait", diff, why: "its own stop is under way" };
  const held = gate(view, evidence);
  if (held !== null) return held;
  const uncertain = uncertainTasks(view);
  const alive = view.tasks.filter((task) => isListedAlive(task) && !uncertain.includes(task));
  if (view.suspended && alive.length > 0) return { kind: "wait", diff, why: `${alive[0]?.id} is still being stopped` };
  if (diff.effect === "restart" && hasChecks(app)) {
    if (uncertain.length > 0 && alive.length === 0) return wouldHang(view, uncertain[0]?.agent ?? "its agent");
    if (app.tasksHealthy === 0) {
      const why = "no instance is healthy, and Marathon would stop none and wait for ever; it is scaled to 0 first";
      return { kind: "stop-first", diff, why };
    }
  }
  return { kind: "replace", diff };
}

function planCreate(view: MarathonService, definition: Definition, evidence: RunEvidence | null): ApplyPlan {
  const diff = diffApp(null, definition);
  const record = evidence?.record ?? null;
  if (!isResident(definition) || record === null) return { kind: "create", diff };
  const proof = proofOf(view.service, evidence);
  if (proof.kind === "over") return { kind: "create", diff };
  return {
    kind: "refuse",
    code: "HELD_BY_OTHER",
    why: `${view.appId} is gone from Marathon while ${proof.why}.`,
    hint: `Created again, it would get a new, empty volume beside the old one. ${proof.hint}`,
    retryable: true,
    detail: { appId: view.appId, missing: proof.missing },
  };
}

function refusedByMarathon({ appId }: MarathonService, { why, changes }: AppDiff): Refusal {
  return {
    kind: "refuse",
    code: "INVALID_SPEC",
    why: `Marathon would refuse this change of ${appId}: ${why}.`,
    hint: "Take the change back, or create a service under another name and copy the data.",
    retryable: false,
    detail: { appId, fields: changes.map(({ pointer }) => pointer) },
  };
}

function wouldHang({ appId }: MarathonService, agent: string): Refusal {
  return {
    kind: "refuse",
    code: "BUSY",
    why: `A change of ${appId} would hang: its only task is unreachable on ${agent}, and Marathon waits for it to become healthy.`,
    hint: "The run is proven to be over: replace it first (failover), or wait for the agent; then apply again.",
    retryable: true,
    detail: { appId, agent },
  };
}

/** Pure: what people are told before it is done. */
export function applyLines(view: MarathonService, plan: ApplyPlan): readonly string[] {
  if (plan.kind === "refuse") return [`${view.appId}: refused: ${plan.why}`, `  ${plan.hint}`];
  const { effect, why, changes } = plan.diff;
  const verb = { ...VERBS, restart: `RESTART of ${tasksText(view)}` }[effect];
  return [
    `${view.appId}: ${verb}: ${why}`,
    ...(plan.kind === "stop-first" || plan.kind === "wait" ? [`  ${plan.why}`] : []),
    ...changes.map(({ pointer, before, after }) => `  ${pointer}: ${before ?? "(absent)"} → ${after ?? "(absent)"}`),
  ];
}

const VERBS = {
  none: "nothing changes",
  create: "create",
  start: "start",
  stop: "stop",
  scale: "scale, without a restart",
  restart: "restart",
  refused: "refused",
} as const;

function tasksText({ tasks }: MarathonService): string {
  const alive = tasks.filter(isListedAlive);
  return alive.length === 0 ? "what is about to start" : alive.map(({ id, agent }) => `${id} on ${agent}`).join(", ");
}

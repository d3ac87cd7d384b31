import type { DefinitionDiff } from "../orchestrator.js";
import type { CatalogueRecord } from "../records/catalogue.js";
import { planReconcile, type ReconcilePlan } from "./plan.js";
import type { ServiceWorld } from "./world.js";

/** What an operator agrees to before a service is changed. */
export interface ChangePlan {
  readonly service: string;
  readonly action: "create" | "update" | "destroy" | "none";
  /** Of the catalogue record that it would change; 0 = there is none. */
  readonly generation: number;
  /** What it does at the orchestrator; null = that cannot be told, see `reconcile`. */
  readonly effect: DefinitionDiff | null;
  /** What the controller would do next. */
  readonly reconcile: ReconcilePlan;
  /** Who has it at present. */
  readonly holder: { readonly epoch: string; readonly agent: string; readonly state: string } | null;
  /** Tasks that cannot be reached, by agent. */
  readonly unreachable: readonly string[];
}

/**
 * Pure: what the change would do to this world.
 * @param world - with the catalogue record as it would be afterwards.
 * @param before - the catalogue record at present.
 */
export function planChange(world: ServiceWorld, before: CatalogueRecord | null, same: boolean): ChangePlan {
  const { catalogue, lease, place } = world;
  const target = place.kind === "seen" ? place.target : null;
  const tasks = place.kind === "seen" ? place.observed.tasks : [];
  return {
    service: catalogue.service,
    action: actionOf(catalogue, before, same),
    generation: before?.generation ?? 0,
    effect: catalogue.desired === "running" && target?.kind === "definition" ? target.diff : null,
    reconcile: planReconcile(world),
    holder: lease === null ? null : { epoch: lease.epoch.toString(), agent: lease.agent, state: lease.state.kind },
    unreachable: tasks.filter(({ state }) => state === "unreachable").map(({ agent, id }) => `${agent} ${id}`),
  };
}

function actionOf(next: CatalogueRecord, before: CatalogueRecord | null, same: boolean): ChangePlan["action"] {
  if (next.desired === "destroyed") return before?.desired === "destroyed" ? "none" : "destroy";
  if (before === null || before.desired === "destroyed") return "create";
  return same ? "none" : "update";
}

/**
 * Pure: what a plan's hash stands for: everything that an operator agreed to, and nothing that moves by itself. When it
 * differs at the time of the apply, the world moved, and the operator should look again.
 */
export function planBasis(plan: ChangePlan, definition: unknown): unknown {
  const { service, action, generation, effect, holder, unreachable, reconcile } = plan;
  // Times in a reason, and how often something was tried, change with every look.
  const next =
    reconcile.kind === "act"
      ? { kind: reconcile.kind, operation: reconcile.operation, steps: reconcile.steps, digest: reconcile.digest }
      : reconcile.kind === "wait"
        ? { kind: reconcile.kind, code: reconcile.code }
        : { kind: reconcile.kind };
  return { service, action, generation, effect, holder, unreachable: [...unreachable].sort(), next, definition };
}

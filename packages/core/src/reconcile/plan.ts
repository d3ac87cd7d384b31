import type { Operation, PastOperation } from "../records/decisions.js";
import type { PlannedVerb } from "./operation-steps.js";
import { DEFAULT_RECONCILE_LIMITS, type ReconcileLimits, type ServiceWorld } from "./world.js";

/** Why nothing is done; stable, for programs. */
export type WaitCode =
  | "PAUSED"
  | "ORCHESTRATOR_SILENT"
  | "NOT_PLACED"
  | "REFUSED"
  | "UNREACHABLE_TASK"
  | "LEASE_DESTROYED"
  | "RETRY_LATER"
  | "FLAPPING";

export type ReconcilePlan =
  | { readonly kind: "settled"; readonly why: string }
  | {
      readonly kind: "wait";
      readonly code: WaitCode;
      readonly why: string;
      /** What a person can do about it. */
      readonly next: string;
      /** When it ends by itself, wall milliseconds; null = not by time alone. */
      readonly untilMs: number | null;
    }
  /** Go on with what was begun, maybe by another leader that is gone. */
  | { readonly kind: "resume"; readonly operation: Operation }
  | {
      readonly kind: "act";
      readonly operation: "reconcile" | "destroy";
      /** Nobody asked for it; see `Operation.automatic`. */
      readonly automatic: boolean;
      readonly why: string;
      readonly digest: string | null;
      readonly steps: readonly PlannedVerb[];
    };

/**
 * Pure: what the controller does next about one service. It never starts anything by itself: it hands a definition to the
 * orchestrator, whose runs wait for the lease. Nothing here can make two writers; a wrong plan costs an outage.
 */
export function planReconcile(world: ServiceWorld, limits: ReconcileLimits = DEFAULT_RECONCILE_LIMITS): ReconcilePlan {
  const { catalogue, decisions, pause, nowMs } = world;
  if (pause !== null) {
    const why = `paused by ${pause.owner} until ${pause.until}: ${pause.reason}`;
    return wait("PAUSED", why, "holdfast resume", Date.parse(pause.until));
  }
  const current = decisions?.current ?? null;
  if (current !== null) return { kind: "resume", operation: current };
  const wanted = catalogue.desired === "destroyed" ? planDestroy(world) : planRunning(world);
  if (wanted.kind !== "act") return wanted;
  return damped(world, wanted, nowMs, limits) ?? wanted;
}

function planDestroy({ lease, place }: ServiceWorld): ReconcilePlan {
  const left = lease !== null && lease.state.kind !== "destroyed";
  if (place.kind === "silent") {
    return wait("ORCHESTRATOR_SILENT", place.why, "Look at the orchestrator; nothing was changed.");
  }
  const runs = place.observed.exists && !place.observed.suspended;
  if (!runs && !left) return { kind: "settled", why: "destroyed; its data was left where it is" };
  return {
    ...{ kind: "act", operation: "destroy", automatic: false, digest: null },
    why: "it is to be destroyed",
    steps: [...(runs ? (["stop"] as const) : []), ...(left ? (["await-release", "tombstone"] as const) : [])],
  };
}

function planRunning(world: ServiceWorld): ReconcilePlan {
  const { lease, place, catalogue, decisions } = world;
  if (lease?.state.kind === "destroyed") {
    const { service } = catalogue;
    return wait(
      "LEASE_DESTROYED",
      `${service} was destroyed at epoch ${lease.epoch}, and no run of it can start`,
      `holdfast lock recover --service ${service} --epoch-above ${lease.epoch} --confirm`,
    );
  }
  if (place.kind === "silent") {
    return wait("ORCHESTRATOR_SILENT", place.why, "Look at the orchestrator; what runs goes on.");
  }
  const { observed, target } = place;
  if (target.kind === "waits") {
    return wait(
      "NOT_PLACED",
      `${target.code}: ${target.why}`,
      "See `holdfast plan -f FILE` for what the service needs.",
    );
  }
  const { effect, why } = target.diff;
  if (effect === "none" && observed.exists && !observed.suspended) {
    return { kind: "settled", why: "the orchestrator has this definition" };
  }
  if (effect === "refused") {
    return wait("REFUSED", `the orchestrator would refuse it: ${why}`, "Change the service file, then apply it again.");
  }
  // Marathon reports success, or starts a second copy, for a change made while a task is unreachable (ADR 8).
  const unreachable = observed.tasks.find(({ state }) => state === "unreachable");
  if (unreachable !== undefined) {
    return wait(
      "UNREACHABLE_TASK",
      `task ${unreachable.id} on ${unreachable.agent} cannot be reached, and may be alive: nothing is changed meanwhile`,
      "The lease sees to the failover. If that machine is off for good, tell the orchestrator so.",
    );
  }
  const applied = decisions?.applied ?? null;
  const before = applied !== null && applied.generation === catalogue.generation;
  const suspended = observed.exists && observed.suspended;
  return {
    ...{ kind: "act", operation: "reconcile", automatic: before, digest: target.digest, steps: ["apply"] },
    why: suspended ? "it is stopped and should run" : why,
  };
}

/** A reason to wait with what is wanted; undefined = none. */
function damped(
  world: ServiceWorld,
  wanted: Extract<ReconcilePlan, { kind: "act" }>,
  nowMs: number,
  limits: ReconcileLimits,
): ReconcilePlan | undefined {
  const { catalogue, decisions } = world;
  const acknowledgedMs = decisions?.acknowledged == null ? 0 : Date.parse(decisions.acknowledged.at);
  const counted = (decisions?.past ?? []).filter(({ endedAt }) => Date.parse(endedAt) > acknowledgedMs);
  const failures = lastFailures(counted, catalogue.generation);
  const last = failures.at(-1);
  if (last !== undefined) {
    const delayMs = Math.min(limits.retryMsMax, limits.retryMs * 2 ** (failures.length - 1));
    const untilMs = atMost(Date.parse(last.endedAt), nowMs) + delayMs;
    if (untilMs > nowMs) {
      const why = `the last attempt failed, ${last.failure?.code ?? "INTERNAL"}: ${last.failure?.message ?? "no reason was kept"}`;
      return wait("RETRY_LATER", why, last.failure?.hint ?? "It is tried again by itself.", untilMs);
    }
  }
  if (!wanted.automatic) return undefined;
  const within = counted.filter(
    ({ automatic, at }) => automatic && atMost(Date.parse(at), nowMs) > nowMs - limits.windowMs,
  );
  const oldest = within.at(-limits.automaticMax);
  if (oldest === undefined) return undefined;
  return wait(
    "FLAPPING",
    `${within.length} corrections within ${limits.windowMs / 60_000} min, and it differs again: ${wanted.why}`,
    "Find who else changes it, then holdfast acknowledge; or apply the service file that is wanted.",
    atMost(Date.parse(oldest.at), nowMs) + limits.windowMs,
  );
}

/** The failures of this generation since its last success, oldest first. */
function lastFailures(past: readonly PastOperation[], generation: number): readonly PastOperation[] {
  const own = past.filter((o) => o.generation === generation && (o.kind === "reconcile" || o.kind === "destroy"));
  return own.slice(own.findLastIndex(({ state }) => state === "done") + 1);
}

/** A clock that was set back makes entries of the future; they count as of now, or they would hold for ever. */
function atMost(ms: number, nowMs: number): number {
  return Math.min(ms, nowMs);
}

function wait(code: WaitCode, why: string, next: string, untilMs: number | null = null): ReconcilePlan {
  return { kind: "wait", code, why, next, untilMs };
}

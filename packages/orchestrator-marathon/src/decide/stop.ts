import type { Deployment } from "@holdfast/marathon";
import type { MarathonService } from "../observe/observation.js";
import { isListedAlive } from "../observe/task-state.js";
import { type Proof, proofOf, type RunEvidence } from "./evidence.js";
import { gate } from "./gate.js";
import { foreign, locked, type Refusal } from "./refusal.js";

export type StopPlan =
  | { readonly kind: "nothing"; readonly why: string }
  /** Scale to 0. `force`: cancels the deployments that lock the app, all of which concern it alone. */
  | { readonly kind: "stop"; readonly force: boolean }
  | Refusal;

export interface StopOptions {
  readonly evidence: RunEvidence | null;
  /** The deployments under way, where those that lock the app shall be cancelled; null = they are respected. */
  readonly override: readonly Deployment[] | null;
}

/** Pure: whether Marathon may be asked to stop the service. That it did is proven by {@link proofOfStop} only. */
export function planStop(view: MarathonService, { evidence, override }: StopOptions): StopPlan {
  if (view.app === null)
    return { kind: "nothing", why: `there is no app ${view.appId}; that proves nothing of its runs` };
  if (view.owner !== "holdfast") return foreign(view);
  if (view.suspended) return { kind: "nothing", why: "it is scaled to 0 already" };
  const held = gate(view, evidence);
  if (held !== null) return held;
  if (view.deployments.length === 0) return { kind: "stop", force: false };
  if (override === null) return locked(view);
  const shared = override.find(
    ({ id, affectedApps, affectedPods }) =>
      view.deployments.includes(id) && (affectedPods.length > 0 || affectedApps.some((app) => app !== view.appId)),
  );
  return shared === undefined ? { kind: "stop", force: true } : sharedDeployment(view, shared);
}

function sharedDeployment({ appId }: MarathonService, { id, affectedApps }: Deployment): Refusal {
  const others = affectedApps.filter((app) => app !== appId);
  return {
    kind: "refuse",
    code: "BUSY",
    why: `The deployment ${id} that locks ${appId} concerns other apps as well: ${others.slice(0, 3).join(", ") || "pods"}.`,
    hint: "Cancelled, it would leave them in mixed versions. Wait for it, or cancel it in Marathon yourself.",
    retryable: true,
    detail: { appId, deployments: [id] },
  };
}

/**
 * Pure: whether a stopped service really is. The store says it and nobody else: an empty list of tasks after a delete, a
 * wipe or an expunge proves nothing, and a deployment succeeds over an unreachable task (facts 1 and 4). What Marathon
 * still lists holds the proof back.
 */
export function proofOfStop(view: MarathonService, evidence: RunEvidence | null): Proof {
  const proof = proofOf(view.service, evidence);
  if (proof.kind === "open") return proof;
  if (view.app !== null && !view.suspended) {
    return { kind: "open", missing: "evidence", why: "it is not scaled to 0", hint: "Stop it first." };
  }
  const ending = view.tasks.find((task) => isListedAlive(task) && task.state !== "unreachable");
  if (ending === undefined) return proof;
  const why = `${ending.id} on ${ending.agent} is still ${ending.marathonState}`;
  return { kind: "open", missing: "evidence", why, hint: "Wait until it has ended; Mesos kills it after its grace." };
}

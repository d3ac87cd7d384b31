import type { OperationVerb } from "../records/decisions.js";
import type { LeaseRecord } from "../records/lease.js";
import type { ObservedPlace } from "./world.js";

/** Steps of a plan that the reconcile loop itself carries out; those of a handover follow from what happens. */
export type PlannedVerb = Extract<OperationVerb, "apply" | "stop" | "await-release" | "tombstone">;

export interface StepView {
  readonly place: ObservedPlace;
  readonly lease: LeaseRecord | null;
}

/**
 * Pure: whether a step that was begun has taken effect already. Asked before a step is done, so that one whose outcome
 * nobody heard is not done twice.
 */
export function tookEffect(verb: PlannedVerb, { place, lease }: StepView): boolean {
  switch (verb) {
    case "apply":
      return (
        place.kind === "seen" &&
        place.observed.exists &&
        !place.observed.suspended &&
        place.target.kind === "definition" &&
        place.target.diff.effect === "none"
      );
    case "stop":
      return place.kind === "seen" && (!place.observed.exists || place.observed.suspended);
    case "await-release":
      return lease === null || isReleased(lease);
    case "tombstone":
      return lease === null || lease.state.kind === "destroyed";
    default:
      return verb satisfies never;
  }
}

/** `yield` is no release: something of that run may still write, and its successor needs a receipt. */
export function isReleased({ state, pendingFence }: LeaseRecord): boolean {
  return (
    state.kind === "destroyed" || ((state.kind === "released" || state.kind === "vacant") && pendingFence === null)
  );
}

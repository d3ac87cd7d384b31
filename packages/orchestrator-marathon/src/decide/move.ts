import { diffApp } from "../diff/diff.js";
import type { MarathonService } from "../observe/observation.js";
import { isResident } from "./app-traits.js";
import { planApply } from "./apply.js";
import type { RunEvidence } from "./evidence.js";
import type { Refusal } from "./refusal.js";
import { planStop, proofOfStop } from "./stop.js";

/**
 * The next step of a move: stop, wait for proof, apply the definition of the new place. Each look decides anew, so that a
 * move that was cut off anywhere goes on where it was.
 */
export type MovePlan =
  | { readonly kind: "stop" }
  | { readonly kind: "wait"; readonly why: string }
  | { readonly kind: "apply"; readonly why: string }
  | { readonly kind: "done" }
  | Refusal;

/** Pure. @param own - deployments that this move began. */
export function planMove(
  view: MarathonService,
  next: Readonly<Record<string, unknown>>,
  evidence: RunEvidence | null,
  own: ReadonlySet<string>,
): MovePlan {
  if (isResident(next) || (view.app !== null && isResident(view.app))) return residentStays(view);
  if (view.app !== null && view.owner === "holdfast" && diffApp(view.app, next).effect === "none")
    return { kind: "done" };
  if (view.app !== null && !view.suspended) {
    const stop = planStop(view, { evidence, override: null });
    if (stop.kind === "refuse") return stop;
    return { kind: "stop" };
  }
  const proof = proofOfStop(view, evidence);
  if (proof.kind === "open") return { kind: "wait", why: `${proof.why}. ${proof.hint}` };
  const apply = planApply(view, next, { evidence, own });
  if (apply.kind === "refuse") return apply;
  return apply.kind === "wait" ? { kind: "wait", why: apply.why } : { kind: "apply", why: proof.why };
}

function residentStays({ appId }: MarathonService): Refusal {
  return {
    kind: "refuse",
    code: "UNSUPPORTED",
    why: `${appId} has a Mesos persistent volume, and Marathon never moves data.`,
    hint: "Create a service under another name and copy or restore the data into it.",
    retryable: false,
    detail: { appId, resident: true },
  };
}

import { type ErrorCode, HoldfastError } from "@holdfast/core";
import type { MarathonService, MarathonTaskView } from "../observe/observation.js";
import type { Proof } from "./evidence.js";

/** A decision not to do it. Nothing was sent. */
export interface Refusal {
  readonly kind: "refuse";
  /** Never changes its meaning; see `docs/reference/errors.md`. */
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint: string;
  /** The same call may be right later. */
  readonly retryable: boolean;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** For the edge: the refusal as the error that a caller gets. */
export function refusalError({ code, why, hint, retryable, detail }: Refusal): HoldfastError {
  return new HoldfastError(code, why, { hint, retryable, detail });
}

export function foreign({ service, appId, app }: MarathonService): Refusal {
  const label = app?.labels?.HOLDFAST_SERVICE;
  const whose = label === undefined ? "without the label HOLDFAST_SERVICE" : `of the service ${label}`;
  return {
    kind: "refuse",
    code: "RECORD_EXISTS",
    why: `There is an app ${appId} ${whose}; it is not that of ${service}, and is left alone.`,
    hint: "Give the service another name or group. To take the app over, stop it, and delete it in Marathon yourself.",
    retryable: false,
    detail: { appId, foreign: true },
  };
}

export function locked({ appId, deployments }: MarathonService): Refusal {
  return {
    kind: "refuse",
    code: "BUSY",
    why: `${appId} is locked by the deployment ${deployments.join(", ")}.`,
    hint: "Wait for it. A deployment has no time limit: if it does not end, `explain` says why; a stop may override it.",
    retryable: true,
    detail: { appId, deployments },
  };
}

/** @param proof - why the task may still run. */
export function unreachable(
  view: MarathonService,
  task: MarathonTaskView,
  proof: Extract<Proof, { kind: "open" }>,
): Refusal {
  return {
    kind: "refuse",
    code: "HELD_BY_OTHER",
    why: `${task.id} on ${task.agent} is ${task.marathonState} and may still run: ${proof.why}.`,
    hint: `Marathon would say that it succeeded, whatever that process does. ${proof.hint}`,
    retryable: true,
    detail: { appId: view.appId, task: task.id, agent: task.agent, state: task.marathonState, missing: proof.missing },
  };
}

/** Whatever evidence there is: the data is on the agent that nobody reaches. */
export function residentUnreachable({ appId }: MarathonService, task: MarathonTaskView): Refusal {
  return {
    kind: "refuse",
    code: "HELD_BY_OTHER",
    why: `${task.id} on ${task.agent} is ${task.marathonState}, and its persistent volume is there.`,
    hint: "Wait for the agent: any change now would start the service on a new, empty volume, or destroy the old one when the agent returns.",
    retryable: true,
    detail: { appId, task: task.id, agent: task.agent, state: task.marathonState, missing: "agent" },
  };
}

import type { MarathonService, MarathonTaskView } from "../observe/observation.js";
import { isListedAlive, isUncertain } from "../observe/task-state.js";
import { isPinned, isResident } from "./app-traits.js";
import { proofOf, type RunEvidence } from "./evidence.js";
import { foreign, type Refusal } from "./refusal.js";

/**
 * Whether Marathon may be told to forget the task of a holder that is over, so that it starts the next one now instead of
 * when Mesos has noticed. The task is killed as well, when its agent can be reached.
 */
export type ReplacementPlan =
  | { readonly kind: "wipe"; readonly tasks: readonly MarathonTaskView[]; readonly why: string }
  | { readonly kind: "nothing"; readonly why: string }
  | Refusal;

/** Pure. A Marathon state permits nothing here: only the store's word does, and the receipt where the grade demands one. */
export function planReplacement(view: MarathonService, evidence: RunEvidence | null): ReplacementPlan {
  const { app, service, appId } = view;
  if (app === null) {
    return unsuitable(
      view,
      "NOT_FOUND",
      `There is no app ${appId}.`,
      "Apply the service; there is nothing to replace.",
    );
  }
  if (view.owner !== "holdfast") return foreign(view);
  if (isResident(app)) {
    const why = `${appId} has a Mesos persistent volume; wiping its task would destroy it.`;
    return unsuitable(
      view,
      "UNSUPPORTED",
      why,
      "Wait for the agent. If it is lost for good, restore a backup as a new service.",
    );
  }
  if (isPinned(app)) {
    const why = `${appId} is pinned to the agent that has its data; elsewhere it could only start empty.`;
    return unsuitable(
      view,
      "UNSUPPORTED",
      why,
      "Wait for the agent. If it is lost for good, restore a backup elsewhere.",
    );
  }
  if (evidence?.grade === "none") {
    const why = `${service} has the grade "none", which is no failover.`;
    return unsuitable(view, "UNSUPPORTED", why, "Wait for the agent, or use storage of a higher grade.");
  }
  const proof = proofOf(service, evidence);
  if (proof.kind === "open") {
    return {
      kind: "refuse",
      code: "HELD_BY_OTHER",
      why: `No replacement of ${appId}: ${proof.why}.`,
      hint: proof.hint,
      retryable: true,
      detail: { appId, missing: proof.missing },
    };
  }
  if (view.suspended) return { kind: "nothing", why: "the service is stopped; nothing is to be replaced" };
  const tasks = view.tasks.filter((task) => isTaskOfHolder(task, evidence));
  if (tasks.length > 0) return { kind: "wipe", tasks, why: proof.why };
  const why =
    "no listed task is the former holder's: Marathon has let go of it already, and what it lists waits for the lease";
  return { kind: "nothing", why };
}

/** Never a task that waits for the lease: it is the one that takes over. */
function isTaskOfHolder(task: MarathonTaskView, evidence: RunEvidence | null): boolean {
  const record = evidence?.record;
  if (record === undefined || record === null) return false;
  if (record.state.kind === "vacant" || record.state.kind === "destroyed") return false;
  if (!isListedAlive(task) && !isUncertain(task.marathonState)) return false;
  return record.holder.task === undefined ? record.agent === task.agent : record.holder.task === task.id;
}

function unsuitable({ appId }: MarathonService, code: "NOT_FOUND" | "UNSUPPORTED", why: string, hint: string): Refusal {
  return { kind: "refuse", code, why, hint, retryable: false, detail: { appId } };
}

import type { MarathonService, MarathonTaskView } from "../observe/observation.js";
import { isUncertain } from "../observe/task-state.js";
import { isResident } from "./app-traits.js";
import { proofOfTask, type RunEvidence } from "./evidence.js";
import { type Refusal, residentUnreachable, unreachable } from "./refusal.js";

/** Tasks of which Mesos itself does not know what became. */
export function uncertainTasks({ tasks }: MarathonService): readonly MarathonTaskView[] {
  return tasks.filter(({ marathonState }) => isUncertain(marathonState));
}

/**
 * Pure: what holds back every change to an app while one of its tasks is unreachable (facts 4). Null: nothing does, because
 * there is no such task, or because each one's run is proven to be over and no volume is bound to its agent.
 */
export function gate(view: MarathonService, evidence: RunEvidence | null): Refusal | null {
  for (const task of uncertainTasks(view)) {
    if (view.app !== null && isResident(view.app)) return residentUnreachable(view, task);
    const proof = proofOfTask(view.service, task, evidence);
    if (proof.kind === "open") return unreachable(view, task, proof);
  }
  return null;
}

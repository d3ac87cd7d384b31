import type { ObservedTask } from "@holdfast/core";

const STATES: Readonly<Record<string, ObservedTask["state"]>> = {
  TASK_STAGING: "staging",
  TASK_STARTING: "staging",
  TASK_RUNNING: "running",
  TASK_UNREACHABLE: "unreachable",
  TASK_KILLING: "killing",
  TASK_FINISHED: "finished",
  TASK_KILLED: "finished",
  TASK_FAILED: "failed",
  TASK_ERROR: "failed",
  TASK_DROPPED: "failed",
  TASK_GONE: "lost",
  TASK_GONE_BY_OPERATOR: "lost",
  TASK_LOST: "lost",
  TASK_UNKNOWN: "lost",
};

/** Pure. A state that nobody knows is taken for `unreachable`: it proves nothing, and so holds everything back. */
export function taskState(marathonState: string): ObservedTask["state"] {
  return STATES[marathonState] ?? "unreachable";
}

/**
 * States after which the process may still be there although Marathon counts it as terminal. `TASK_GONE` is not among them,
 * although it also stands for gone by operator: Marathon has then replaced the instance already, and what holds a second
 * writer back is the lease (Task conversion, `TaskConversion.scala`).
 */
const UNCERTAIN: ReadonlySet<string> = new Set([
  "TASK_UNREACHABLE",
  "TASK_LOST",
  "TASK_UNKNOWN",
  "TASK_GONE_BY_OPERATOR",
]);

/** Pure: whether Mesos itself does not know what became of the process. */
export function isUncertain(marathonState: string): boolean {
  return UNCERTAIN.has(marathonState) || STATES[marathonState] === undefined;
}

/** Pure: whether Marathon believes that there is a process, or cannot know. */
export function isListedAlive({ state }: Pick<ObservedTask, "state">): boolean {
  return state === "staging" || state === "running" || state === "killing" || state === "unreachable";
}

/** States of a Mesos task, as `status_update_event` names them. */
export type MesosState =
  | "TASK_STAGING"
  | "TASK_STARTING"
  | "TASK_RUNNING"
  | "TASK_KILLING"
  | "TASK_FINISHED"
  | "TASK_FAILED"
  | "TASK_KILLED"
  | "TASK_ERROR"
  | "TASK_DROPPED"
  | "TASK_GONE"
  | "TASK_GONE_BY_OPERATOR"
  | "TASK_UNREACHABLE"
  | "TASK_UNKNOWN";

/** Marathon's word for the same, with those for what Mesos does not know yet (facts 13). */
export type Condition =
  | "Scheduled"
  | "Provisioned"
  | "Staging"
  | "Starting"
  | "Running"
  | "Killing"
  | "Unreachable"
  | "UnreachableInactive"
  | "Error"
  | "Failed"
  | "Finished"
  | "Killed"
  | "Gone"
  | "Dropped"
  | "Unknown";

export type Goal = "Running" | "Stopped" | "Decommissioned";

const CONDITIONS: Record<MesosState, Condition> = {
  TASK_STAGING: "Staging",
  TASK_STARTING: "Starting",
  TASK_RUNNING: "Running",
  TASK_KILLING: "Killing",
  TASK_FINISHED: "Finished",
  TASK_FAILED: "Failed",
  TASK_KILLED: "Killed",
  TASK_ERROR: "Error",
  TASK_DROPPED: "Dropped",
  TASK_GONE: "Gone",
  TASK_GONE_BY_OPERATOR: "Gone",
  TASK_UNREACHABLE: "Unreachable",
  TASK_UNKNOWN: "Unknown",
};

const TERMINAL: ReadonlySet<Condition> = new Set([
  "Error",
  "Failed",
  "Finished",
  "Killed",
  "Gone",
  "Dropped",
  "Unknown",
]);
/** Facts 8: what lengthens the delay before the next launch. FINISHED (exit code 0) does; KILLED does not. */
const COUNTED: ReadonlySet<MesosState> = new Set([
  "TASK_FAILED",
  "TASK_ERROR",
  "TASK_DROPPED",
  "TASK_GONE",
  "TASK_GONE_BY_OPERATOR",
  "TASK_FINISHED",
]);
const FAILURES: ReadonlySet<MesosState> = new Set([
  "TASK_FAILED",
  "TASK_ERROR",
  "TASK_DROPPED",
  "TASK_GONE",
  "TASK_GONE_BY_OPERATOR",
  "TASK_UNKNOWN",
  "TASK_UNREACHABLE",
]);

export const conditionOf = (state: MesosState): Condition => CONDITIONS[state];
export const isTerminal = (condition: Condition): boolean => TERMINAL.has(condition);
export const isTerminalState = (state: MesosState): boolean => isTerminal(conditionOf(state));
export const isUnreachable = (condition: Condition): boolean =>
  condition === "Unreachable" || condition === "UnreachableInactive";
/** Facts 2: deployments take an unreachable instance for a stopped one. */
export const isConsideredTerminal = (condition: Condition): boolean =>
  isTerminal(condition) || isUnreachable(condition);
export const countsForBackoff = (state: MesosState): boolean => COUNTED.has(state);
/** What `lastTaskFailure` remembers. */
export const isFailure = (state: MesosState): boolean => FAILURES.has(state);

/** How the API spells a task's state: it has no word for "gone by operator" (facts 14). */
export const apiState = (state: MesosState): MesosState => (state === "TASK_GONE_BY_OPERATOR" ? "TASK_GONE" : state);

import type { Instance } from "./model.js";
import type { Condition } from "./states.js";

/** Facts 3: which condition dies first. What is not named (Scheduled, Provisioned, Failed …) comes after Running. */
const ORDER: readonly Condition[] = ["Unreachable", "Staging", "Starting", "Running"];

const rank = (condition: Condition) => {
  const index = ORDER.indexOf(condition);
  return index < 0 ? ORDER.length : index;
};

type Candidate = Pick<Instance, "condition" | "createdMs" | "startedMs" | "stagedMs">;

const ageStamp = (instance: Candidate) => instance.startedMs ?? instance.stagedMs ?? instance.createdMs;

/** The instances in the order in which they are killed when there are too many. */
export function killOrder<T extends Candidate>(
  instances: readonly T[],
  selection: "YOUNGEST_FIRST" | "OLDEST_FIRST",
): T[] {
  const direction = selection === "YOUNGEST_FIRST" ? -1 : 1;
  return [...instances].sort(
    (a, b) => rank(a.condition) - rank(b.condition) || direction * (ageStamp(a) - ageStamp(b)),
  );
}

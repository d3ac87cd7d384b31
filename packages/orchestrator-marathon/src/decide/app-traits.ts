import { isResident as hasPersistentVolume } from "../diff/normal-form.js";

type Fields = Readonly<Record<string, unknown>>;

/** Pure: whether the app has a Mesos persistent volume; by its definition, or by what its tasks carry. */
export function isResident(app: Fields): boolean {
  if (hasPersistentVolume(app)) return true;
  const tasks: unknown = app.tasks;
  return (
    Array.isArray(tasks) &&
    tasks.some((task: { localVolumes?: readonly unknown[] }) => (task.localVolumes?.length ?? 0) > 0)
  );
}

/**
 * Pure: whether the app may run on one agent only, or says of itself that it must never be replaced. Both are what is
 * compiled for data that one agent has.
 */
export function isPinned({ constraints, unreachableStrategy }: Fields): boolean {
  if (unreachableStrategy === "disabled") return true;
  return Array.isArray(constraints) && constraints.some(namesOneAgent);
}

function namesOneAgent(constraint: unknown): boolean {
  if (!Array.isArray(constraint)) return false;
  const [field, operator, value] = constraint as readonly (string | undefined)[];
  if ((field !== "hostname" && field !== "@hostname") || value === undefined || value === "") return false;
  if (operator === "IS" || operator === "CLUSTER") return true;
  // A pattern in which nothing stands for anything but itself matches one name.
  return operator === "LIKE" && !/[|*+?()[\]{}]|(?<!\\)\./.test(value);
}

/** Pure: whether Marathon waits for a check before it counts an instance as healthy. */
export function hasChecks({ healthChecks, readinessChecks }: Fields): boolean {
  const some = (list: unknown) => Array.isArray(list) && list.length > 0;
  return some(healthChecks) || some(readinessChecks);
}

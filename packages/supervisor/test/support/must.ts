export function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Who stands for which tree. */
export const TREE_INIT = { pid: 77, startTicks: "5" } as const;
export const STORAGE_INIT = { pid: 66, startTicks: "4" } as const;

/** Nanoseconds to milliseconds rounds. */
export const EPSILON_MS = 0.001;

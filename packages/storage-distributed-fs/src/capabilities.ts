import type { StorageCapabilities } from "@holdfast/core";

/** What every distributed file system here can and cannot do, whatever it is made of. */
export const DISTRIBUTED = {
  movesBetweenAgents: true,
  mounts: true,
  crossAgentLocks: true,
  snapshots: false,
  provisions: false,
  destroys: false,
  repairs: false,
  restores: false,
  cutMsMax: 4_000,
  declaredLoss: null,
} as const satisfies Partial<StorageCapabilities>;

/** Of a FUSE client that dies with its tree. A former holder can be fenced by whoever reaches the servers' administration. */
export function ofFuseClient({ control }: { readonly control: readonly unknown[] }) {
  const fences = control.length > 0;
  return {
    ...DISTRIBUTED,
    fences,
    cut: "with-tree",
    declaredGrade: fences ? "storage-fenced" : "lease-only",
  } as const satisfies Partial<StorageCapabilities>;
}

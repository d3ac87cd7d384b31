import type { StorageCapabilities } from "@holdfast/core";
import type { SharedFsOptions } from "./options.js";

/** What a sync may take beyond its own limit until `cut` has answered. */
const CUT_REST_MS = 1_500;

/** Pure: which server, reached how. */
export function backendOf(options: SharedFsOptions): string {
  return options.server.kind === "none" ? options.type : `${options.type}-${options.server.kind}`;
}

/** Pure. */
export function sharedFsCapabilities(options: SharedFsOptions): StorageCapabilities {
  const fences = options.server.kind !== "none";
  return {
    backend: backendOf(options),
    movesBetweenAgents: true,
    mounts: options.mount === "holdfast",
    fences,
    crossAgentLocks: options.type === "nfs4" || options.crossAgentLocks,
    snapshots: false,
    provisions: false,
    destroys: false,
    repairs: false,
    restores: false,
    cut: "after-sync",
    declaredGrade: fences ? "storage-fenced" : "lease-only",
    cutMsMax: options.cutTimeoutMs + CUT_REST_MS,
    claimWaitMs: options.lockLeaseMs + 5_000,
    declaredLoss: null,
  };
}

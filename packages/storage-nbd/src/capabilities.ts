import type { StorageCapabilities } from "@holdfast/core";
import type { NbdOptions } from "./options.js";

/** One process table, two calls of ss, and a kill; measured at a tenth of it. */
const CUT_MS_MAX = 2_000;

export function nbdCapabilities({ server }: Pick<NbdOptions, "server">): StorageCapabilities {
  return {
    backend: `nbd-${server.kind}`,
    movesBetweenAgents: true,
    mounts: true,
    fences: true,
    // ext4 and xfs know only the locks of the kernel that has them mounted.
    crossAgentLocks: false,
    snapshots: false,
    provisions: false,
    destroys: false,
    repairs: true,
    restores: false,
    cut: "with-tree",
    declaredGrade: "storage-fenced",
    cutMsMax: CUT_MS_MAX,
    // A claim is seen by this kernel alone, so a dead client on another agent holds none.
    claimWaitMs: 0,
    declaredLoss: null,
  };
}

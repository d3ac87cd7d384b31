import type { Grade } from "../grade.js";

/**
 * Who still holds data of a run after its last process is gone, and what ends that.
 * - `local`: nobody but this kernel ever writes to the storage. A dead tree is a cut.
 * - `with-tree`: a process of the run's own storage tree (a FUSE client, a user-space block device). It dies with that
 *   tree, at the latest at the kernel's deadline; `cut` then removes what is left in the network.
 * - `after-sync`: this kernel, on its way to a server (NFS). Certain only once it was synced; a cut without that is
 *   incomplete, and the run yields.
 */
export type CutKind = "local" | "with-tree" | "after-sync";

/** What a backend can do, as data: callers branch on this and never on the strategy's type. */
export interface StorageCapabilities {
  /** Name under which the suite's proof of this backend is filed: `glusterfs`, `nbd-nbdkit`. */
  readonly backend: string;
  /** The volume can be attached on another agent than its last. */
  readonly movesBetweenAgents: boolean;
  /** `mount` mounts it, inside the run's own mount namespace; otherwise it verifies what the operator mounted. */
  readonly mounts: boolean;
  /** `fence` can cut a former holder off at the storage or the machine. */
  readonly fences: boolean;
  /** flock on the volume is honoured between agents (`verify` proves it before anything relies on it). */
  readonly crossAgentLocks: boolean;
  readonly snapshots: boolean;
  readonly provisions: boolean;
  readonly destroys: boolean;
  readonly repairs: boolean;
  readonly restores: boolean;
  readonly cut: CutKind;
  /** A claim only; what counts is the weaker of this and the suite's proof, see `computeGrade`. */
  readonly declaredGrade: Grade;
  /**
   * How long the cut takes at most once the tree is gone, the start of the program that calls `cut` included; goes into
   * the lease's margin. Milliseconds.
   */
  readonly cutMsMax: number;
  /** How long a dead client may keep the claim. Milliseconds; after it, a fence is asked for. */
  readonly claimWaitMs: number;
  /**
   * What an acknowledged write may lose on failover, in one sentence; null = nothing beyond the engine's own
   * durability settings (invariant I6).
   */
  readonly declaredLoss: string | null;
}

/** What the conformance suite saw of one backend on the real thing; filed in the strategy's own package. */
export interface StorageProof {
  readonly backend: string;
  readonly grade: Grade;
  /** ISO 8601 date of the run. */
  readonly at: string;
  /** Name and version of the server that was tried. */
  readonly server: string;
  /** Why not more, or what was seen, in one sentence. */
  readonly why: string;
}

export interface StorageFinding {
  readonly code: string;
  readonly severity: "error" | "warning" | "info";
  readonly message: string;
  /** What to set, and where. */
  readonly fix: string;
}

/** What a plan prints about a volume before anything is done. Pure data; commands are shown, not run. */
export interface StorageExplanation {
  /** Sentences about what is promised and what is not. */
  readonly statements: readonly string[];
  /** Command lines by verb, as they would be run: `mount`, `fence`, `attach`. */
  readonly commands: Readonly<Record<string, readonly string[]>>;
  /** Server and mount settings that the promise rests on. */
  readonly settings: readonly { readonly name: string; readonly value: string; readonly why: string }[];
}

import type { ProcessIdentity } from "@holdfast/effects";
import type { TreeKind } from "../init/protocol.js";

/**
 * - `idle`: the tree is there, nothing runs in it. `working`: fence to mount is under way.
 * - `up`: the volumes are there. `down`: they are being unmounted.
 * - `deserted`: up, but the process that would unmount them has ended; the tree and its daemons live on.
 * - `killed`: SIGKILL was sent to the tree.
 */
export type StorageStage = "idle" | "working" | "up" | "down" | "deserted" | "killed";

/** The tree beside the application's, in which strategies do their work and whose end is the cut. */
export type StorageState =
  | { readonly kind: "none" }
  | { readonly kind: "starting" }
  | {
      readonly kind: "present";
      readonly init: ProcessIdentity;
      readonly treeKind: TreeKind;
      readonly correctionMs: number;
      readonly stage: StorageStage;
      readonly deadline: DeadlineState;
    }
  | { readonly kind: "gone" };

/** What was last sent to an init, and what it last answered. */
export interface DeadlineState {
  readonly sentNs: bigint | null;
  readonly aliveNs: bigint | null;
}

/** How the volumes were left. */
export interface StorageEnd {
  /** Something was started in the tree, so something may be left. */
  readonly used: boolean;
  /** Unmounted and written back. */
  readonly clean: boolean;
  /** The cut program has said its word. */
  readonly cut: boolean;
}

/** Part of a takeover and how long it took, for people. */
export interface Lap {
  readonly name: string;
  readonly ms: number;
}

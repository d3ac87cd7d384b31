import type { Instant, LogLevel, MountEntry, RunReport } from "@holdfast/core";
import type { ChildOutcome, ProcessIdentity } from "@holdfast/effects";
import type { InitCommand, InitReport, StepOutcome } from "../init/protocol.js";
import type { GuardToLock, LockConfig, LockToGuard } from "../lock-protocol.js";
import type { GuardSignal } from "../signals.js";
import type { GuardToStorage, StorageToGuard } from "../storage-protocol.js";

/** The time at which the guard handles an event; wall time is for people. */
export interface Reading {
  readonly now: Instant;
  readonly wall: string;
}

/** All that can happen to a guard. */
export type GuardEvent =
  | { readonly type: "begin"; readonly mounts: readonly MountEntry[] }
  /** A timer may be due. Comes after everything that had arrived by then. */
  | { readonly type: "wake" }
  /** `generation` counts lock processes: what a replaced one still said is not heard. */
  | { readonly type: "lock-message"; readonly generation: number; readonly message: LockToGuard }
  | { readonly type: "lock-exit"; readonly generation: number; readonly how: string }
  | { readonly type: "init"; readonly keeper: InitKeeper; readonly report: Exclude<InitReport, { type: "step" }> }
  | {
      readonly type: "step-ended";
      readonly id: string;
      readonly outcome: StepOutcome;
      readonly output: string;
      readonly mounts: readonly MountEntry[];
    }
  /** The init's outer process ended without saying that the tree is gone. */
  | { readonly type: "init-closed"; readonly how: string }
  /** Found by watching the init's process: `proven` when nothing of the tree can be left. */
  | { readonly type: "tree-gone"; readonly proven: boolean; readonly how: string }
  | {
      readonly type: "look-ended";
      readonly outcome: ChildOutcome;
      readonly output: string;
      readonly mounts: readonly MountEntry[];
    }
  | { readonly type: "mounts-seen"; readonly mounts: readonly MountEntry[] }
  /** Unwritten data of the volume has reached its server, or that cannot be told. */
  | { readonly type: "volume-settled"; readonly outcome: ChildOutcome; readonly output: string }
  | { readonly type: "storage-init"; readonly report: Exclude<InitReport, { type: "step" }> }
  | { readonly type: "storage-closed"; readonly how: string }
  | { readonly type: "storage-gone"; readonly proven: boolean; readonly how: string }
  | { readonly type: "storage-message"; readonly message: StorageToGuard }
  | { readonly type: "storage-cut"; readonly outcome: ChildOutcome; readonly output: string }
  | { readonly type: "signal"; readonly signal: GuardSignal };

export type InitKeeper = "native" | "util-linux";

/** All that a guard can do. */
export type GuardEffect =
  | { readonly type: "start-lock"; readonly generation: number; readonly config: LockConfig }
  | { readonly type: "kill-lock"; readonly generation: number }
  | { readonly type: "to-lock"; readonly message: GuardToLock }
  | { readonly type: "to-init"; readonly command: InitCommand }
  /** The tree should be gone by now: wake its keeper, or end it where the kernel then ends the tree. */
  | { readonly type: "hurry-tree" }
  | {
      readonly type: "watch-tree";
      readonly init: ProcessIdentity;
      readonly namespaced: boolean;
      readonly marker: string;
    }
  /** Inside the tree of that init, or on its own. */
  | { readonly type: "start-tree"; readonly join: ProcessIdentity | null }
  | { readonly type: "to-storage-init"; readonly command: InitCommand }
  | { readonly type: "to-storage"; readonly message: GuardToStorage }
  | { readonly type: "hurry-storage" }
  | {
      readonly type: "watch-storage";
      readonly init: ProcessIdentity;
      readonly namespaced: boolean;
      readonly marker: string;
    }
  | { readonly type: "cut-storage"; readonly argv: readonly string[]; readonly timeoutMs: number }
  | { readonly type: "look-at-volume"; readonly argv: readonly string[]; readonly timeoutMs: number }
  | { readonly type: "look-at-mounts" }
  | { readonly type: "settle-volume"; readonly argv: readonly string[]; readonly timeoutMs: number }
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly type: "end"; readonly exitCode: number; readonly report: RunReport };

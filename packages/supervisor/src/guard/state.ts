import { type ErrorCode, type Instant, isLocalFsType, type MountEntry, mountOf, timeBudget } from "@holdfast/core";
import type { ProcessIdentity, VolumeEpochFacts, VolumeLook, VolumeTools, WatchedMount } from "@holdfast/effects";
import type { Ended, TreeKind } from "../init/protocol.js";
import type { HolderDescription } from "../lock-protocol.js";
import type { FormerRun, PendingFence } from "../storage-protocol.js";
import type { GuardConfig } from "./config.js";
import type { InitKeeper, Reading } from "./events.js";
import type { DeadlineState, Lap, StorageEnd, StorageState } from "./storage-state.js";

/**
 * - `starting`: init and volume are looked at; no lease is asked for yet.
 * - `candidate`: waiting for the lease (a replica may be running).
 * - `preparing`: the lease is won, the application may not write yet.
 * - `waiting-for-claim`: part of either, while another process holds the claim.
 * - `running`: the application may write.
 * - `stopping`: it was asked to end. `demoting`: it was asked to become a replica again.
 * - `killing`: SIGKILL to the whole tree; waiting until it is known gone.
 * - `settling`: the tree is gone; unwritten data of the volume goes to its server, volumes are unmounted or cut.
 * - `releasing`: the record is being written. `leaving`: there is no record to write.
 */
export type Phase =
  | "starting"
  | "candidate"
  | "preparing"
  | "waiting-for-claim"
  | "running"
  | "stopping"
  | "demoting"
  | "killing"
  | "settling"
  | "releasing"
  | "leaving"
  | "ended";

export type TimerName =
  | "hello"
  | "lock-restart"
  | "renew"
  | "silence"
  | "prepare-limit"
  | "history-retry"
  | "step"
  | "claim-answer"
  | "claim-retry"
  | "claim-limit"
  | "start-answer"
  | "mounts"
  | "probe"
  | "stop-budget"
  | "hurry"
  | "leftover"
  | "last-words"
  | "claim-fence"
  | "storage-down"
  | "storage-hurry"
  | "storage-leftover"
  | "release"
  | "leave";

/** Monotonic milliseconds at which each armed timer is due. */
export type Timers = Readonly<Partial<Record<TimerName, number>>>;

export interface LockState {
  readonly generation: number;
  readonly alive: boolean;
  /** It said something since it was started. */
  readonly heard: boolean;
  /** It holds the grant in hand: it won it, or confirmed a renewal after it resumed. */
  readonly holds: boolean;
  /** It said its last: failed, lost, released. It is not replaced. */
  readonly finished: boolean;
  /** Deaths without a sign of success in between. */
  readonly deaths: number;
  readonly restarts: number;
  readonly connected: string | null;
  readonly holder: HolderDescription | null;
  readonly eventLoopDelayMsMax: number | null;
}

export type TreeState =
  /** Volumes come first. */
  | { readonly kind: "none" }
  | { readonly kind: "starting" }
  | {
      readonly kind: "up";
      readonly keeper: InitKeeper;
      readonly treeKind: TreeKind;
      readonly init: ProcessIdentity;
      /** Added to boot milliseconds read here to get the kernel's own CLOCK_BOOTTIME. */
      readonly correctionMs: number;
    }
  | { readonly kind: "gone" };

export interface GrantState {
  readonly run: string;
  readonly epoch: string;
  readonly created: string;
  /** Of the lock process that won it. */
  readonly generation: number;
  readonly former: { readonly kind: string; readonly epoch: string; readonly agent: string };
  /** Of the last confirmed attempt. */
  readonly stamp: Instant;
  readonly cut: Instant;
  readonly stop: Instant;
  /** The record is not ours any more: nothing can be released. */
  readonly lost: boolean;
}

export type ApplicationState =
  | { readonly kind: "not-started" }
  | { readonly kind: "starting"; readonly signals: readonly number[] }
  | { readonly kind: "running"; readonly pid: number }
  | { readonly kind: "ended"; readonly ended: Ended };

/** How far the preparation under the present grant is. */
export interface Preparation {
  readonly fence: "clear" | "waiting";
  readonly history: "to-do" | "done";
  readonly verify: "to-do" | "done";
  readonly mark: "to-do" | "done";
  readonly promote: "to-do" | "done";
}

export type StepPurpose = "verify" | "mark" | "probe" | "promote" | "demote";

/** Why the run ends; the first reason stands unless the lease forces a harder one. */
export type Ending =
  | { readonly kind: "application" }
  | { readonly kind: "signal"; readonly signal: number }
  | { readonly kind: "handover"; readonly why: string }
  | { readonly kind: "failure"; readonly code: ErrorCode; readonly message: string; readonly hint: string };

export interface Limits {
  readonly silenceMs: number;
  /** A lock process that was just started has this long until its first word. */
  readonly firstWordMs: number;
  /** For `released` to be confirmed; afterwards the successor waits for the lease to run out. */
  readonly releaseMs: number;
  /** From SIGKILL until what still lives counts as unkillable. */
  readonly leftoverMs: number;
  readonly settleMs: number;
  /** For the cut program: its own start, and what the strategies need. */
  readonly cutMs: number;
}

export interface GuardState {
  readonly config: GuardConfig;
  readonly limits: Limits;
  readonly tools: VolumeTools;
  readonly guardPid: number;
  /** How the lock process settles the volume when the guard is dead; null = nothing to settle. */
  readonly settle: readonly [string, ...string[]] | null;
  readonly storage: StorageState;
  readonly storageEnd: StorageEnd;
  /** Who may still write, as the record told that was taken over. */
  readonly holders: readonly FormerRun[];
  /** What must be fenced before anything may start, as the lock process told. */
  readonly pendingFence: PendingFence | null;
  readonly claimFence: "none" | "asked" | "done" | "impossible";
  /** What is under way between the grant and the start, for people. */
  readonly progress: { readonly done: number; readonly total: number | null; readonly what: string } | null;
  /** Parts of the takeover that are over, and since when the next one runs. */
  readonly laps: readonly Lap[];
  readonly lapSinceMs: number;
  readonly startedAt: Reading;
  readonly phase: Phase;
  readonly phaseSinceMs: number;
  readonly timers: Timers;
  readonly lock: LockState;
  readonly tree: TreeState;
  readonly grant: GrantState | null;
  readonly renewal: {
    readonly n: number;
    readonly confirmed: number;
    readonly why: string | null;
    readonly marginMsMin: number | null;
  };
  readonly deadline: DeadlineState;
  readonly application: ApplicationState;
  readonly promoted: boolean;
  readonly preparation: Preparation;
  readonly claim: "none" | "asked" | "held" | "ours";
  readonly claimTries: number;
  readonly step: { readonly id: string; readonly purpose: StepPurpose; readonly timeoutMs: number } | null;
  readonly counter: number;
  /** The history record that was asked for and not answered yet. */
  readonly history: { readonly id: number; readonly kind: "started" | "lost" } | null;
  readonly volume: {
    readonly look: VolumeLook | null;
    readonly last: VolumeEpochFacts | null;
    readonly watched: WatchedMount | null;
    readonly checkedAtMs: number | null;
    readonly full: boolean;
  };
  /** Something that can write was started under the tree. */
  readonly wrote: boolean;
  readonly ending: Ending | null;
  /** Something of the tree, or its data, that may still write. */
  readonly leftover: string | null;
  /** The last signal sent to end the application, and whether SIGKILL had to follow. */
  readonly stopped: { readonly asked: boolean; readonly killed: boolean };
  readonly releaseSent: boolean;
  readonly protection: string;
}

/** A keeper that has to be woken first needs half a second, and the kernel a moment. */
const LEFTOVER_MS_MIN = 2_000;
/** A program that loads the strategies, on a busy machine. */
const CUT_START_MS = 2_000;

export function createGuardState(config: GuardConfig, tools: VolumeTools, guardPid: number, at: Reading): GuardState {
  const budget = timeBudget(config.timing, config.costs);
  return {
    config,
    limits: {
      silenceMs: budget.silenceMs,
      firstWordMs: Math.max(budget.silenceMs, 5_000),
      releaseMs: budget.silenceMs + budget.replyMs,
      leftoverMs: Math.max(config.timing.stopBudgetMs, LEFTOVER_MS_MIN),
      settleMs: Math.max(config.volume?.timeoutMs ?? 0, config.timing.stopBudgetMs),
      cutMs: (config.storage?.cutMsMax ?? 0) + CUT_START_MS,
    },
    tools,
    guardPid,
    settle: null,
    startedAt: at,
    phase: "starting",
    phaseSinceMs: at.now.monoMs,
    timers: {},
    lock: {
      generation: 0,
      alive: false,
      heard: false,
      holds: false,
      finished: false,
      deaths: 0,
      restarts: 0,
      connected: null,
      holder: null,
      eventLoopDelayMsMax: null,
    },
    tree: { kind: config.storage === null ? "starting" : "none" },
    storage: { kind: config.storage === null ? "none" : "starting" },
    storageEnd: { used: false, clean: false, cut: false },
    holders: [],
    pendingFence: null,
    claimFence: "none",
    progress: null,
    laps: [],
    lapSinceMs: at.now.monoMs,
    grant: null,
    renewal: { n: 0, confirmed: 0, why: null, marginMsMin: null },
    deadline: { sentNs: null, aliveNs: null },
    application: { kind: "not-started" },
    promoted: false,
    preparation: FRESH_PREPARATION,
    claim: "none",
    claimTries: 0,
    step: null,
    counter: 0,
    history: null,
    volume: { look: null, last: null, watched: null, checkedAtMs: null, full: false },
    wrote: false,
    ending: null,
    leftover: null,
    stopped: { asked: false, killed: false },
    releaseSent: false,
    protection: "none yet",
  };
}

export const FRESH_PREPARATION: Preparation = {
  fence: "clear",
  history: "to-do",
  verify: "to-do",
  mark: "to-do",
  promote: "to-do",
};

/** Whether data of a dead process on that path may still be under way; of an unknown mount it may. */
export function mustSettle(path: string, mounts: readonly MountEntry[]): boolean {
  const mount = mountOf(mounts, path);
  return mount === undefined || !isLocalFsType(mount.fsType);
}

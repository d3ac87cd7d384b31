import type { CutKind, LogLevel } from "@holdfast/core";

/** What the guard knows of the volumes that strategies bring: enough for its deadlines, and nothing of any strategy. */
export interface GuardStorage {
  /** Argv of what runs in the storage tree, with messages on its standard input and output. */
  readonly serve: readonly [string, ...string[]];
  /** Argv of what runs outside of it when it is gone, and prints a {@link CutReport}. */
  readonly cutProgram: readonly [string, ...string[]];
  /** For messages: `nbd (nbd-nbdkit)`. */
  readonly description: string;
  /**
   * Volumes are mounted inside the storage tree, and the application's tree is made inside that one. Otherwise they are
   * where the operator mounted them.
   */
  readonly mounts: boolean;
  /** Of several volumes the kind that promises least. */
  readonly cut: CutKind;
  readonly cutMsMax: number;
  /** After so long a claim that another process holds is fenced; null = no strategy here can. Milliseconds. */
  readonly claimFenceMs: number | null;
  /** The command only prepares the volume (mark, format): it is not verified, claimed or written to before. */
  readonly initialise: boolean;
}

export interface StorageGrant {
  readonly run: string;
  readonly epoch: string;
  readonly agent: string;
}

/** A run that did not release and may still write; see `FormerHolder` in core. */
export interface FormerRun {
  readonly agent: string;
  readonly epoch: string;
  readonly bootId: string | null;
  readonly machineId?: string | null | undefined;
}

export interface PendingFence {
  readonly epoch: string;
  readonly agent: string;
  readonly what: string;
}

/** Lines of JSON to the storage process. One request at a time. */
export type GuardToStorage =
  /** Fence, attach, check, repair, mount, verify: everything up to the claim. */
  | {
      readonly type: "up";
      readonly grant: StorageGrant;
      readonly former: readonly FormerRun[];
      readonly pendingFence: PendingFence | null;
    }
  /** A process on that agent still holds the claim: drop it at the storage. */
  | { readonly type: "fence-claim"; readonly agent: string; readonly epoch: string }
  /** The application is gone: write back, unmount, detach. */
  | { readonly type: "down" };

export type StorageToGuard =
  | {
      readonly type: "step";
      readonly name: string;
      readonly role: string;
      readonly state: "started" | "done";
      readonly tookMs: number | null;
    }
  | { readonly type: "progress"; readonly done: number; readonly total: number | null; readonly what: string }
  /** `fenced`: highest epoch that a recorded receipt covers. */
  | { readonly type: "up"; readonly fenced: string | null }
  | { readonly type: "failed"; readonly code: string; readonly message: string; readonly hint: string }
  | { readonly type: "claim-fenced"; readonly epoch: string }
  | { readonly type: "claim-unfenceable"; readonly message: string }
  | { readonly type: "down"; readonly clean: boolean; readonly why: string }
  | { readonly type: "log"; readonly level: LogLevel; readonly message: string };

/** What the cut program prints, one line of JSON; exit status 0 only for `cut`. */
export type CutReport =
  | { readonly kind: "cut"; readonly evidence: string }
  | { readonly kind: "incomplete"; readonly needsFence: string };

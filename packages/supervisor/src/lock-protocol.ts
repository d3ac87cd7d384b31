import type { Instant, LeaseTiming } from "@holdfast/core";
import type { MachineIdentity, ProcessIdentity } from "@holdfast/effects";
import type { FormerRun, PendingFence } from "./storage-protocol.js";

/**
 * What the guard and its lock process say to each other: one JSON object per line on a socket pair (descriptor 3
 * of the lock process). Epochs are decimal strings. The guard trusts nothing here to extend a life but an exact
 * stamp: a lost, late or repeated message can only shorten it.
 *
 * The guard is the metronome: the lock process renews only when told to, so a stopped guard ends the renewals at
 * once and a successor waits one lease and not two.
 */
export interface LockConfig {
  readonly service: string;
  readonly agent: string;
  readonly task: string | null;
  readonly guardPid: number;
  readonly machine: MachineIdentity;
  /** Store URL without secrets; credentials are read from files by the lock process itself. */
  readonly store: string;
  readonly credentials: StoreCredentials;
  readonly timing: LeaseTiming;
  /** `none`: fail at once when held; otherwise wait, `limitMs` null = for ever. */
  readonly wait: { readonly kind: "none" } | { readonly kind: "wait"; readonly limitMs: number | null };
  /** The operator says that this service never ran: no waiting on a record that had to be created. */
  readonly firstRun: boolean;
  /** Largest lease this service may have had; what is waited when the record is gone. */
  readonly leaseMsMax: number;
  /** Set for a lock process that replaces a dead one under a grant. */
  readonly resume: { readonly run: string; readonly epoch: string; readonly created: string } | null;
  /**
   * Kept for the case that the guard dies: how the volume is settled, or cut, once the trees are gone. Exit status 0 =
   * nothing is left that may still reach it. Null = nothing to do.
   */
  readonly settle: { readonly command: readonly [string, ...string[]]; readonly timeoutMs: number } | null;
}

export interface StoreCredentials {
  /** File with `user:password` for digest authentication. */
  readonly authFile: string | null;
  readonly tls: {
    readonly caFile: string;
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly serverName: string | null;
  } | null;
}

/** What the volume said before the lease was asked for. Null = no volume is guarded. */
export interface VolumeLeaseEvidence {
  readonly epoch: string | null;
  readonly leaseMs: number | null;
}

export type GuardToLock =
  | { readonly type: "config"; readonly config: LockConfig }
  /** Become a candidate. Sent once the volume was looked at. */
  | { readonly type: "acquire"; readonly volume: VolumeLeaseEvidence | null }
  /** Send one renewal now. Answered at once with `renewing`, later with `confirmed`, `unconfirmed` or `lost`. */
  | { readonly type: "renew"; readonly n: number; readonly deadline: Instant }
  /** A process that stands for a tree, sent before anything that can write is started in it; there may be two. */
  | { readonly type: "tree"; readonly init: ProcessIdentity }
  | {
      readonly type: "history";
      readonly id: number;
      readonly kind: "started" | "stopped" | "lost" | "yielded";
      readonly note: string;
    }
  /** The tree is known gone and the volume is settled (`released`), or something is left (`yield`). */
  | {
      readonly type: "release";
      readonly state: { readonly kind: "released" } | { readonly kind: "yield"; readonly needsFence: string };
      readonly note: string;
    }
  /** Stop being a candidate: leave the queue and exit. */
  | { readonly type: "leave" };

export interface HolderDescription {
  readonly run: string;
  readonly agent: string;
  readonly host: string;
  readonly pid: number;
  readonly task: string | null;
  readonly since: string;
}

export type LockToGuard =
  | { readonly type: "connected"; readonly store: string }
  | {
      readonly type: "waiting";
      readonly epoch: string;
      readonly state: string;
      readonly holder: HolderDescription | null;
      readonly place: number;
      /** What is waited for, in words. */
      readonly why: string;
    }
  /** The grant is won. Whatever starts must be checked against the deadline that follows from `stamp`. */
  | {
      readonly type: "granted";
      readonly run: string;
      readonly epoch: string;
      /** Identity of the record's creation; given back in `resume`. */
      readonly created: string;
      readonly stamp: Instant;
      /** Of the record that was taken over. */
      readonly former: { readonly kind: string; readonly epoch: string; readonly agent: string };
      /** Who may still write, as that record tells. */
      readonly holders: readonly FormerRun[];
      readonly pendingFence: PendingFence | null;
    }
  /** A receipt covers the pending fence named in `granted`: the takeover may go on. */
  | { readonly type: "fenced"; readonly epoch: string }
  /** An operator wants the service elsewhere; void for any other epoch than ours. */
  | { readonly type: "handover"; readonly epoch: string; readonly why: string }
  | { readonly type: "renewing"; readonly n: number }
  | { readonly type: "confirmed"; readonly n: number; readonly stamp: Instant; readonly epoch: string }
  | { readonly type: "unconfirmed"; readonly n: number; readonly why: string }
  | { readonly type: "lost"; readonly code: string; readonly message: string; readonly hint: string }
  /** Nothing was won and nothing will be; the process exits. `held` carries the holder for code 75 and 79. */
  | {
      readonly type: "failed";
      readonly code: string;
      readonly message: string;
      readonly hint: string;
      readonly holder: HolderDescription | null;
    }
  | { readonly type: "history-done"; readonly id: number; readonly error: string | null }
  | { readonly type: "released" }
  | { readonly type: "release-failed"; readonly message: string }
  | { readonly type: "warning"; readonly code: string; readonly message: string }
  | {
      readonly type: "statistics";
      readonly eventLoopDelayMsMax: number;
      readonly storeLatencyMs: number | null;
      readonly endpoint: string;
    };

/** Splits a byte stream into JSON lines; a line above the limit or broken JSON throws, as a peer is our own program. */
export function createLineReader<T>(
  onMessage: (message: T) => void,
  bytesMax = 1024 * 1024,
): (chunk: Buffer | string) => void {
  let rest = "";
  return (chunk) => {
    rest += chunk.toString();
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      if (line !== "") onMessage(JSON.parse(line) as T);
    }
    if (rest.length > bytesMax) throw new Error(`a message of more than ${bytesMax} bytes`);
  };
}

export function encodeLine(message: GuardToLock | LockToGuard): string {
  return `${JSON.stringify(message)}\n`;
}

import type { Grade, LeaseCosts, LeaseTiming } from "@holdfast/core";
import type { MachineIdentity } from "@holdfast/effects";
import type { LockConfig, StoreCredentials } from "../lock-protocol.js";
import type { GuardStorage } from "../storage-protocol.js";

export interface GuardVolume {
  readonly path: string;
  readonly mustBeMounted: boolean;
  /** Time between two write probes while the application runs. */
  readonly checkMs: number;
  /** What answers later than this hangs. */
  readonly timeoutMs: number;
}

/** What happens to the application on gain and loss of the grant. */
export type GrantPolicy =
  | { readonly kind: "start-kill" }
  /**
   * The application runs as a replica all the time and must not write by itself. `promote` and `demote` are shell
   * commands run under the init: promote before it counts as running with the grant, demote on loss; when demote fails
   * or is late, the tree is killed at the deadline.
   */
  | { readonly kind: "promote-demote"; readonly promote: string; readonly demote: string };

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** Everything that `holdfast run` was told. */
export interface GuardConfig {
  readonly service: string;
  readonly agent: string;
  readonly task: string | null;
  readonly machine: MachineIdentity;
  /** URL without secrets. */
  readonly store: string;
  readonly credentials: StoreCredentials;
  readonly timing: LeaseTiming;
  readonly costs: LeaseCosts;
  readonly wait: LockConfig["wait"];
  readonly firstRun: boolean;
  readonly leaseMsMax: number;
  /** Null: the process is guarded and no volume. */
  readonly volume: GuardVolume | null;
  /** Null: the volume, if there is one, is where the operator mounted it. */
  readonly storage: GuardStorage | null;
  /** How long to wait for a claim that another process holds; null = for ever, 0 = not at all. */
  readonly claimWaitMs: number | null;
  /** How long a won lease is kept while preparations (fence receipt, history record) do not get on. */
  readonly attachTimeoutMs: number;
  readonly policy: GrantPolicy;
  /** Number of the signal that stops the application cleanly; also sent in place of a SIGTERM that comes to us. */
  readonly stopSignal: number;
  readonly tree: "auto" | "pid-namespace" | "subreaper";
  readonly init: "auto" | "native" | "util-linux";
  /** Null: the application stays who we are. */
  readonly user: UserIds | null;
  readonly command: readonly [string, ...string[]];
  /** What the storage proved; printed and reported, decides nothing here. */
  readonly grade: Grade;
  /** Null: no report is written. */
  readonly reportFile: string | null;
  /** Null: no status socket. See `defaultStatusSocketPath`. */
  readonly statusSocket: string | null;
  /** From the scheduler's stop signal to its SIGKILL, when it is known. */
  readonly killGraceMs: number | null;
}

/** Mount table reads while the application runs; cheap, and sooner than any probe. */
export const MOUNT_CHECK_MS = 1_000;
export const DEFAULT_ATTACH_TIMEOUT_MS = 300_000;
export const DEFAULT_VOLUME_CHECK_MS = 5_000;
export const DEFAULT_VOLUME_TIMEOUT_MS = 5_000;

/** `--claim-wait-ms` when it was not given: as patient as the run is for the lease itself. */
export function defaultClaimWaitMs(wait: LockConfig["wait"]): number | null {
  return wait.kind === "wait" ? null : 0;
}

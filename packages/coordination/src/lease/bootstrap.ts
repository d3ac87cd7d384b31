import type { ErrorCode, HistoryRecord, LeaseRecord } from "@holdfast/core";

/** Everything that is known before the first try. */
export interface BootstrapFacts {
  readonly service: string;
  readonly record: LeaseRecord | undefined;
  readonly history: HistoryRecord | undefined;
  /** Last epoch on the volume and its lease; epoch null = a marked volume that never ran. Null = no volume is guarded. */
  readonly volume: { readonly epoch: bigint | null; readonly leaseMs: number | null } | null;
  /** Highest epoch that this candidate saw in the store before; 0 when it looks for the first time. */
  readonly seenEpoch: bigint;
  readonly firstRun: boolean;
  /** Lease of this run and the largest one the service allows. */
  readonly leaseMs: number;
  readonly leaseMsMax: number;
}

export type BootstrapDecision =
  | { readonly kind: "observe"; readonly neverRan: boolean; readonly leaseMsMax: number }
  | {
      readonly kind: "create";
      /** Epoch of the record that is created *held by nobody*. */
      readonly epoch: bigint;
      readonly leaseMs: number;
      readonly neverRan: boolean;
      readonly leaseMsMax: number;
    }
  | { readonly kind: "refuse"; readonly code: ErrorCode; readonly message: string; readonly hint: string };

/**
 * Lease rule 7. Compares the store with the volume: a store that knows less than the volume was lost or restored
 * from an older copy, and then its record proves nothing about who runs. Pure.
 */
export function decideBootstrap(facts: BootstrapFacts): BootstrapDecision {
  const { record, history, volume, service } = facts;
  // What a candidate saw before counts like what the volume says: its look at the volume may be older than that.
  const volumeEpoch = max(volume?.epoch ?? 0n, facts.seenEpoch);
  const leaseMsMax = Math.max(facts.leaseMs, facts.leaseMsMax, history?.leaseMsMax ?? 0, volume?.leaseMs ?? 0);
  const known = record === undefined ? (history?.epoch ?? 0n) : record.epoch;
  if (volumeEpoch > 0n && (history === undefined || history.epoch < volumeEpoch || known < volumeEpoch)) {
    return lostStore(
      service,
      volumeEpoch,
      `epoch ${volumeEpoch} was granted before, as the volume or this run saw; the store knows ${describe(record, history)}`,
    );
  }
  if (record !== undefined && history !== undefined && record.epoch < history.epoch) {
    return lostStore(
      service,
      history.epoch,
      `the lease record has epoch ${record.epoch}, its own history ${history.epoch}`,
    );
  }
  // History proves a former run whatever the flag says: --first-run may stay in a definition for ever.
  // So does a record that was ever granted or recovered: its history may only not be there yet.
  const isFresh = history === undefined && (record?.epoch ?? 0n) === 0n;
  const neverRan = isFresh && volumeEpoch === 0n && (facts.firstRun || volume !== null);
  if (record !== undefined) return { kind: "observe", neverRan, leaseMsMax };
  // Above everything that may ever have been granted: history is written before anything starts, so it bounds them.
  const epoch = max(history?.epoch ?? 0n, volumeEpoch);
  return { kind: "create", epoch, leaseMs: leaseMsMax, neverRan, leaseMsMax };
}

function lostStore(service: string, epoch: bigint, what: string): BootstrapDecision {
  return {
    kind: "refuse",
    code: "STORE_LOST",
    message: `The store was lost or restored from an older copy: ${what}.`,
    hint:
      "Make sure that no run of this service is alive anywhere, then: " +
      `holdfast lock recover --service ${service} --epoch-above ${epoch} --confirm`,
  };
}

function describe(record: LeaseRecord | undefined, history: HistoryRecord | undefined): string {
  const lease = record === undefined ? "no lease record" : `a lease record of epoch ${record.epoch}`;
  return `${lease} and ${history === undefined ? "no history" : `a history up to epoch ${history.epoch}`}`;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

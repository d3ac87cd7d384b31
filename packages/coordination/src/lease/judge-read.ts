import type { Instant, LeaseRecord, StoreVersion } from "@holdfast/core";

/** What a run knows of itself when it looks at the record. */
export interface HolderSelf {
  readonly run: string;
  readonly epoch: bigint;
  /** Identity of the record's creation, as seen before the takeover. */
  readonly created: string;
  /** Nonce of this process's write attempts. */
  readonly nonce: string;
  /** Stamps of the attempts whose outcome is not known, by number. */
  readonly stamps: ReadonlyMap<number, Instant>;
}

export type Judgement =
  /** The record shows exactly this attempt: it took effect, and proves the grant as of *its own* stamp. */
  | { readonly kind: "confirmed"; readonly n: number; readonly stamp: Instant; readonly version: StoreVersion }
  /** My run at my epoch, but not an attempt that I can date. Proves nothing; the next attempt expects this version. */
  | { readonly kind: "mine"; readonly version: StoreVersion }
  /** A state from before my takeover, or nothing at all: a read may be stale, so this is neither loss nor success. */
  | { readonly kind: "stale"; readonly version: StoreVersion | null }
  | { readonly kind: "lost"; readonly why: string };

/**
 * Lease rule 4, for every read by a run that has, or may have, the grant. Pure.
 *
 * A read proves only the exact attempt that it shows, with that attempt's stamp: never the run id alone (an older
 * renewal of mine shows it too), never the time of reading (the state may be long superseded).
 */
export function judgeRead(
  self: HolderSelf,
  seen: { readonly record: LeaseRecord; readonly version: StoreVersion } | undefined,
): Judgement {
  if (seen === undefined) return { kind: "stale", version: null };
  const { record, version } = seen;
  if (record.epoch < self.epoch) return { kind: "stale", version };
  if (record.epoch > self.epoch) {
    return {
      kind: "lost",
      why: `run ${record.run} on ${record.agent} has epoch ${record.epoch}, mine is ${self.epoch}`,
    };
  }
  if (record.run !== self.run) {
    return { kind: "lost", why: `run ${record.run} on ${record.agent} has epoch ${record.epoch} too; it is not mine` };
  }
  if (version.created !== self.created) {
    return { kind: "lost", why: "the record was deleted and created again since the takeover" };
  }
  if (record.state.kind !== "held") {
    return {
      kind: "lost",
      why: `the record says ${record.state.kind} for my own run, and this process did not write that`,
    };
  }
  const stamp = record.attempt.nonce === self.nonce ? self.stamps.get(record.attempt.n) : undefined;
  if (stamp === undefined) return { kind: "mine", version };
  return { kind: "confirmed", n: record.attempt.n, stamp, version };
}

import { type Clock, type CoordinationStore, hasCode, leaseRecordFormat, storePaths } from "@holdfast/core";
import type { SeenRecord } from "../lease/record-io.js";

/** What the records beside the lease need; a `LeaseContext` is one. */
export interface RecordContext {
  readonly store: CoordinationStore;
  readonly clock: Clock;
}

/** Bound of one store call. */
export const CALL_MS = 5_000;
const AWAY_PAUSE_MS = 100;

/** @throws the store's errors, `RECORD_INVALID`. */
export async function readServiceLease(
  { store }: RecordContext,
  service: string,
  signal: AbortSignal,
): Promise<SeenRecord | undefined> {
  const entry = await store.get(storePaths.lease(service), { timeoutMs: CALL_MS, signal });
  return entry === undefined ? undefined : { record: leaseRecordFormat.parse(entry.data), version: entry.version };
}

/** Repeats a read while the store is away; `signal` is the only limit. */
export async function whileAway<T>({ clock }: RecordContext, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (!hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME")) throw error;
      await clock.sleep(AWAY_PAUSE_MS, signal);
    }
  }
}

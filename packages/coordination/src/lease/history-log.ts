import {
  appendHistory,
  type HistoryEntry,
  type HistoryRecord,
  HoldfastError,
  hasCode,
  historyRecordFormat,
  type StoreCallOptions,
} from "@holdfast/core";
import type { LeaseContext } from "./identity.js";

type HistoryContext = Pick<LeaseContext, "store" | "paths" | "clock"> & {
  readonly identity: Pick<LeaseContext["identity"], "service">;
};

export async function readHistory(
  context: Pick<LeaseContext, "store" | "paths">,
  options: StoreCallOptions,
): Promise<HistoryRecord | undefined> {
  const entry = await context.store.get(context.paths.history, options);
  return entry === undefined ? undefined : historyRecordFormat.parse(entry.data);
}

/** An entry before it is dated. */
export interface NewHistoryEntry {
  readonly kind: HistoryEntry["kind"];
  readonly epoch: bigint;
  readonly run: string;
  readonly agent: string;
  readonly leaseMs?: number;
  readonly note?: string;
}

const RETRY_MS = 100;

/**
 * Appends one entry, by compare-and-set, until it is certainly there: an unknown outcome is resolved by reading and
 * looking for this very entry, so an entry is never written twice.
 * @throws `STORE_UNREACHABLE`, `UNKNOWN_OUTCOME` when `signal` aborts first, `RECORD_INVALID`, `DENIED`.
 */
export async function writeHistory(
  context: HistoryContext,
  entry: NewHistoryEntry,
  options: StoreCallOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { store, paths, clock } = context;
  const { note, ...rest } = entry;
  const stamped: HistoryEntry = {
    ...rest,
    at: clock.wallTime(),
    ...(note === undefined ? {} : { note: note.slice(0, 200) }),
  };
  let last: unknown;
  while (!options.signal.aborted) {
    try {
      const current = await store.get(paths.history, options);
      const before = current === undefined ? undefined : historyRecordFormat.parse(current.data);
      if (before?.entries.some((e) => e.run === stamped.run && e.kind === stamped.kind && e.at === stamped.at) === true)
        return;
      const data = historyRecordFormat.serialize(appendHistory(before, context.identity.service, stamped));
      if (current === undefined) await store.create(paths.history, data, options);
      else await store.put(paths.history, data, current.version, options);
      return;
    } catch (error) {
      if (
        !hasCode(error, "VERSION_CONFLICT", "RECORD_EXISTS", "RECORD_MISSING", "UNKNOWN_OUTCOME", "STORE_UNREACHABLE")
      )
        throw error;
      last = error;
      if (hasCode(error, "VERSION_CONFLICT", "RECORD_EXISTS")) continue;
      await clock.sleep(RETRY_MS, options.signal).catch((aborted: unknown) => {
        last = aborted instanceof HoldfastError ? aborted : error;
      });
    }
  }
  throw (
    last ??
    new HoldfastError("STORE_UNREACHABLE", "The history entry was not written before the time was over.", {
      hint: "Nothing was changed.",
      retryable: true,
    })
  );
}

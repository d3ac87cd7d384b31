import { hasCode, type RecordFormat, type StoreEntry } from "@holdfast/core";
import { CALL_MS, type RecordContext, whileAway } from "./context.js";

const CONFLICT_PAUSE_MS = 20;

/**
 * Read, decide, version-checked write, until the decision is what is stored. `decide` sees the present record, may be called
 * again, and returns what should stand there: the same record (or undefined) when nothing is to be written. What it
 * throws ends the update. An unknown outcome is resolved by reading: a decision that took effect decides to keep.
 */
export async function updateRecord<T>(
  context: RecordContext,
  path: string,
  format: RecordFormat<T>,
  decide: (before: T | undefined) => T | undefined,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { store, clock } = context;
  const call = { timeoutMs: CALL_MS, signal };
  let conflicts = 0;
  for (;;) {
    const entry: StoreEntry | undefined = await whileAway(context, signal, () => store.get(path, call));
    const before = entry === undefined ? undefined : format.parse(entry.data);
    const next = decide(before);
    if (next === undefined || next === before) return before;
    const data = format.serialize(next);
    if (entry !== undefined && equalBytes(entry.data, data)) return next;
    try {
      if (entry === undefined) await store.create(path, data, call);
      else await store.put(path, data, entry.version, call);
      return next;
    } catch (error) {
      if (signal.aborted) throw error;
      const read = hasCode(error, "UNKNOWN_OUTCOME", "STORE_UNREACHABLE", "RECORD_MISSING");
      if (!read && !hasCode(error, "VERSION_CONFLICT", "RECORD_EXISTS")) throw error;
      conflicts += 1;
      // Refused twice on what the reads go on showing: that server is behind the others.
      if (conflicts > 1) store.changeServer("its reads contradict the outcome of writes");
      await clock.sleep(CONFLICT_PAUSE_MS, signal);
    }
  }
}

/** Deletes the record while `decide` says so; resolves to what was deleted, or undefined when it was kept or absent. */
export async function removeRecord<T>(
  context: RecordContext,
  path: string,
  format: RecordFormat<T>,
  decide: (before: T) => boolean,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { store, clock } = context;
  const call = { timeoutMs: CALL_MS, signal };
  let removed: T | undefined;
  for (;;) {
    const entry = await whileAway(context, signal, () => store.get(path, call));
    if (entry === undefined) return removed;
    const before = format.parse(entry.data);
    if (!decide(before)) return undefined;
    removed = before;
    try {
      await store.delete(path, entry.version, call);
      return before;
    } catch (error) {
      if (signal.aborted) throw error;
      if (!hasCode(error, "UNKNOWN_OUTCOME", "STORE_UNREACHABLE", "VERSION_CONFLICT")) throw error;
      await clock.sleep(CONFLICT_PAUSE_MS, signal);
    }
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]);
}

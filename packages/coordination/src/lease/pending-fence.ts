import type { HistoryRecord, LeaseRecord } from "@holdfast/core";

type PendingFence = NonNullable<LeaseRecord["pendingFence"]>;

/** The record allows no more. */
const WHAT_LENGTH_MAX = 300;

/** What must be fenced before anything may start after this record; null = nothing. Pure. */
export function pendingFenceOf(record: LeaseRecord): PendingFence | null {
  if (record.pendingFence !== null) return record.pendingFence;
  if (record.state.kind !== "yield") return null;
  return { epoch: record.epoch, agent: record.agent, what: record.state.needsFence.slice(0, WHAT_LENGTH_MAX) };
}

/**
 * The same from the history, for a record that is gone: a run that left something behind and no start since, because a
 * start comes only after the receipt; an operator's word counts like one. Pure.
 */
export function pendingFenceIn(history: HistoryRecord): PendingFence | null {
  const last = history.entries.findLast(({ kind }) => kind === "yielded" || kind === "started" || kind === "recovered");
  if (last?.kind !== "yielded") return null;
  return { epoch: last.epoch, agent: last.agent, what: last.note ?? "something was left behind; the record is gone" };
}

/**
 * What a run leaves itself, together with what was pending before it. The newer epoch counts, so that no receipt for
 * the older alone lets anybody start; both are named, because one receipt stands for both. Pure.
 */
export function joinFences(own: PendingFence | null, earlier: PendingFence | null): PendingFence | null {
  if (own === null || earlier === null) return own ?? earlier;
  const rest = `; and epoch ${earlier.epoch} on agent ${earlier.agent}: `;
  const room = Math.max(0, WHAT_LENGTH_MAX - rest.length);
  const before = earlier.what.slice(0, Math.max(Math.floor(room / 2), room - own.what.length));
  const mine = own.what.slice(0, room - before.length);
  return { ...own, what: `${mine}${rest}${before}`.slice(0, WHAT_LENGTH_MAX) };
}

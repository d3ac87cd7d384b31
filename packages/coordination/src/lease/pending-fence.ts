import type { LeaseRecord } from "@holdfast/core";

/** What must be fenced before anything may start after this record; null = nothing. Pure. */
export function pendingFenceOf(record: LeaseRecord): NonNullable<LeaseRecord["pendingFence"]> | null {
  if (record.pendingFence !== null) return record.pendingFence;
  if (record.state.kind !== "yield") return null;
  return { epoch: record.epoch, agent: record.agent, what: record.state.needsFence.slice(0, 300) };
}

import { hasCode, type LeaseRecord } from "@holdfast/core";
import type { HolderDescription } from "@holdfast/supervisor";

export function describeRecord(record: LeaseRecord): HolderDescription {
  return {
    run: record.run,
    agent: record.agent,
    host: record.holder.host,
    pid: record.holder.pid,
    task: record.holder.task ?? null,
    since: record.since,
  };
}

/** Whom a failed acquisition names; null for every other error. */
export function holderOf(error: unknown): HolderDescription | null {
  if (!hasCode(error, "HELD_BY_OTHER", "WAIT_LIMIT")) return null;
  const { holder } = (error as { detail: { holder: LeaseRecord | null } }).detail;
  return holder === null ? null : describeRecord(holder);
}

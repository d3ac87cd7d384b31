import type { Acquired } from "@holdfast/coordination";
import { formerOfRecord, hasCode, type LeaseRecord } from "@holdfast/core";
import type { HolderDescription, LockToGuard } from "@holdfast/supervisor";

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

/** What the guard is told of a grant. */
export function grantedMessage({ lease, stamp, former }: Acquired): LockToGuard {
  const pending = lease.record.pendingFence;
  return {
    type: "granted",
    run: lease.run,
    epoch: lease.epoch.toString(),
    created: lease.created,
    stamp,
    former: { kind: former.state.kind, epoch: former.epoch.toString(), agent: former.agent },
    holders: formerOfRecord(former).map((holder) => ({ ...holder, epoch: holder.epoch.toString() })),
    pendingFence:
      pending === null ? null : { epoch: pending.epoch.toString(), agent: pending.agent, what: pending.what },
  };
}

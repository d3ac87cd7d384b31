import { randomUUID } from "node:crypto";
import {
  type HistoryRecord,
  HoldfastError,
  type LeaseRecord,
  leaseRecordFormat,
  type QueueCandidate,
  type StoreFinding,
} from "@holdfast/core";
import { writeFenceReceipt } from "./fence-receipts.js";
import { readHistory, writeHistory } from "./history-log.js";
import type { LeaseContext } from "./identity.js";
import { pendingFenceIn, pendingFenceOf } from "./pending-fence.js";
import { putLease, readLease, type SeenRecord } from "./record-io.js";

export interface LockStatus {
  readonly record: LeaseRecord | null;
  readonly history: HistoryRecord | null;
  readonly candidates: readonly QueueCandidate[];
  readonly findings: readonly StoreFinding[];
}

/** What the store says of a service; a read, so it may be stale, and wall times in it are for people. */
export async function readLockStatus(
  context: Pick<LeaseContext, "store" | "paths">,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<LockStatus> {
  const [seen, history, candidates, findings] = await Promise.all([
    readLease(context, options),
    readHistory(context, options),
    context.store.candidates(context.paths.queue, options),
    context.store.findings(options),
  ]);
  return { record: seen?.record ?? null, history: history ?? null, candidates, findings };
}

/**
 * After the store was lost or restored from an older copy: puts a record *held by nobody* above everything that may
 * have been granted. The next candidate waits a whole lease on it. Writes nothing while a run holds the lease.
 * @param epochAbove - the highest epoch known from volumes and reports.
 * @throws `HELD_BY_OTHER`, `STALE_EPOCH` when the store already knows a higher one, store errors.
 */
export async function recoverLease(
  context: LeaseContext,
  options: {
    readonly epochAbove: bigint;
    readonly note: string;
    readonly leaseMsMax: number;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<LeaseRecord> {
  const { store, paths, identity, clock } = context;
  const seen = await readLease(context, options);
  if (seen?.record.state.kind === "held") {
    throw new HoldfastError(
      "HELD_BY_OTHER",
      `Run ${seen.record.run} on ${seen.record.agent} holds the lease of ${identity.service} (epoch ${seen.record.epoch}).`,
      {
        hint: "Stop that run first. If it is dead, a waiting candidate takes over one lease after its last renewal.",
      },
    );
  }
  const history = await readHistory(context, options);
  const known = [seen?.record.epoch ?? 0n, history?.epoch ?? 0n].reduce((a, b) => (a > b ? a : b));
  if (known > options.epochAbove) {
    throw new HoldfastError("STALE_EPOCH", `The store already knows epoch ${known} for ${identity.service}.`, {
      hint: `Give --epoch-above ${known} or more.`,
    });
  }
  const record: LeaseRecord = {
    v: 1,
    service: identity.service,
    epoch: options.epochAbove,
    run: randomUUID(),
    attempt: { nonce: randomUUID(), n: 0 },
    agent: identity.agent,
    machineId: identity.machineId,
    bootId: identity.bootId,
    leaseMs: Math.max(options.leaseMsMax, history?.leaseMsMax ?? 0, seen?.record.leaseMs ?? 0),
    state: { kind: "vacant" },
    pendingFence: pendingBefore(seen, history),
    since: clock.wallTime(),
    holder: { host: identity.host, pid: identity.pid },
  };
  // History first: a crash in between leaves a record that is too low, which the next start refuses again.
  await writeHistory(
    context,
    {
      kind: "recovered",
      epoch: record.epoch,
      run: record.run,
      agent: record.agent,
      leaseMs: record.leaseMs,
      note: options.note,
    },
    options,
  );
  if (seen === undefined) await store.create(paths.lease, leaseRecordFormat.serialize(record), options);
  else await putLease(context, record, seen.version, options);
  return record;
}

/** Recovering is not fencing: what was left behind stays pending, and the history knows when the record is gone. */
function pendingBefore(seen: SeenRecord | undefined, history: HistoryRecord | undefined): LeaseRecord["pendingFence"] {
  if (seen !== undefined) return pendingFenceOf(seen.record);
  return history === undefined ? null : pendingFenceIn(history);
}

/**
 * The operator's word that what an earlier run left behind can no longer write: recorded as a receipt, which the run
 * that waits for it, or the next one, takes as proof. The lease record stays its holder's own to write.
 * @throws `NOT_FOUND` when nothing is pending up to that epoch; store errors.
 */
export async function confirmFenced(
  context: LeaseContext,
  requestPath: string,
  options: { readonly epoch: bigint; readonly note: string; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const seen = await readLease(context, options);
  const pending = seen === undefined ? null : pendingFenceOf(seen.record);
  if (seen === undefined || pending === null || pending.epoch > options.epoch) {
    throw new HoldfastError(
      "NOT_FOUND",
      `No fence is pending for ${context.identity.service} up to epoch ${options.epoch}.`,
      { hint: "See `holdfast lock status`." },
    );
  }
  const { identity, clock } = context;
  await writeHistory(
    context,
    {
      kind: "recovered",
      epoch: seen.record.epoch,
      run: seen.record.run,
      agent: identity.agent,
      note: `fence of epoch ${pending.epoch} confirmed by an operator: ${options.note}`,
    },
    options,
  );
  await writeFenceReceipt(
    context,
    requestPath,
    {
      fencedEpoch: pending.epoch,
      agent: pending.agent,
      byEpoch: seen.record.epoch,
      strategy: "operator",
      at: clock.wallTime(),
      evidence: options.note,
    },
    options,
  );
}

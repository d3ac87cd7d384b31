import { historyRecordFormat, type LeaseRecord, leaseRecordFormat, storePaths } from "@holdfast/core";
import { expect, test } from "vitest";
import type { HeldLease } from "./held-lease.js";
import {
  CANDIDATE_WAIT_MS,
  createRig,
  isPendingAfter,
  LEASE,
  type Rig,
  record,
  SERVICE,
  settleWithin,
  TIMING,
} from "./lease-rig.fixture.js";
import { pendingFenceOf } from "./pending-fence.js";
import { recoverLease } from "./recover.js";

/** What an earlier run left behind, and every way in which a later one could forget it. */
const never = new AbortController().signal;
const far = { monoMs: Number.POSITIVE_INFINITY, bootMs: Number.POSITIVE_INFINITY };
const call = { timeoutMs: 1_000 };
const pending = { epoch: 7n, agent: "agent-x", what: "process 12 hangs on NFS" };

async function holderWithPendingFence(rig: Rig): Promise<HeldLease> {
  await rig.write(record({ state: { kind: "yield", needsFence: pending.what }, pendingFence: pending }));
  const { lease } = await rig.acquire(rig.context("b"));
  expect(lease.record.pendingFence).toEqual(pending);
  return lease;
}

async function remove(rig: Rig, path: string): Promise<void> {
  const store = rig.server.connect("somebody");
  const entry = await store.get(path, call);
  if (entry !== undefined) await store.delete(path, entry.version, call);
}

async function writeHistoryOf(rig: Rig, epoch: bigint): Promise<void> {
  const history = { v: 1 as const, service: SERVICE, epoch, leaseMsMax: TIMING.leaseMs, entries: [] };
  await rig.server
    .connect("historian")
    .create(storePaths.history(SERVICE), historyRecordFormat.serialize(history), call);
}

test("a run that leaves something itself does not forget what was pending before it", async () => {
  const rig = createRig();
  const lease = await holderWithPendingFence(rig);
  const own = { epoch: lease.epoch, agent: "b", what: "process 99 hangs too" };
  await lease.release({ kind: "yield", needsFence: own.what }, own, never);
  const left = pendingFenceOf(await rig.read());
  expect(left?.epoch).toBe(8n);
  for (const part of ["agent-x", pending.what, own.what]) expect(left?.what).toContain(part);
});

test("however long both are, neither of two leftovers is cut off", async () => {
  const rig = createRig();
  const long = { ...pending, what: "x".repeat(300) };
  await rig.write(record({ state: { kind: "yield", needsFence: long.what }, pendingFence: long }));
  const { lease } = await rig.acquire(rig.context("b"));
  await lease.release({ kind: "yield", needsFence: "y" }, { epoch: 8n, agent: "b", what: "y".repeat(300) }, never);
  const left = pendingFenceOf(await rig.read());
  expect(left?.what).toMatch(/y{50}.*agent-x.*x{50}/);
});

test("a receipt that came while a renewal was under way stays counted", async () => {
  const rig = createRig();
  await rig.write(record({ state: { kind: "yield", needsFence: pending.what }, pendingFence: pending }));
  const context = rig.context("b");
  const { lease } = await rig.acquire(context);
  const put = context.store.put.bind(context.store);
  context.store.put = async (...args) => {
    const version = await put(...args);
    lease.clearPendingFence();
    context.store.put = put;
    return version;
  };
  await lease.renew(far, never);
  await lease.renew(far, never);
  expect((await rig.read()).pendingFence).toBeNull();
  await lease.release({ kind: "released" }, null, never);
  expect((await rig.read()).state.kind).toBe("released");
});

test("a record that is deleted under a candidate comes back with what was pending", async () => {
  const rig = createRig();
  await writeHistoryOf(rig, 7n);
  await rig.write(record({ pendingFence: pending }));
  const waiting = rig.acquire(rig.context("b"));
  expect(await isPendingAfter(rig.clock, waiting, 500)).toBe(true);
  await remove(rig, LEASE);
  const { value } = await settleWithin(rig.clock, waiting, 3 * CANDIDATE_WAIT_MS);
  expect(value.lease.record.pendingFence).toEqual(pending);
});

test("recovery keeps what a yielded record says, however it says it", async () => {
  const rig = createRig();
  await rig.write(record({ state: { kind: "yield", needsFence: pending.what }, pendingFence: null }));
  const options = { epochAbove: 9n, note: "restored", leaseMsMax: TIMING.leaseMs, timeoutMs: 1_000, signal: never };
  await recoverLease(rig.context("operator"), options);
  expect((await rig.read()).pendingFence).toEqual(pending);
});

const vacant = (overrides: Partial<LeaseRecord> = {}): LeaseRecord =>
  record({ epoch: 0n, run: "run-of-creator", state: { kind: "vacant" }, ...overrides });

/** Somebody removes everything and somebody else creates it anew before the candidate looks. */
async function replaceRecord(rig: Rig, next: LeaseRecord): Promise<void> {
  await remove(rig, LEASE);
  await remove(rig, storePaths.history(SERVICE));
  await rig.server.connect("creator").create(LEASE, leaseRecordFormat.serialize(next), call);
}

test("a candidate of the first start that saw a holder does not take an emptied store for a fresh one", async () => {
  const rig = createRig();
  await settleWithin(rig.clock, rig.acquire(rig.context("a")), 1_000);
  const b = rig.context("b");
  const waiting = rig.acquire(b);
  expect(await isPendingAfter(rig.clock, waiting, 500)).toBe(true);
  // "a" lives on, cut off from a store that was emptied; an operator's start elsewhere made the record anew.
  await replaceRecord(rig, vacant());
  await expect(settleWithin(rig.clock, waiting, 10 * CANDIDATE_WAIT_MS)).rejects.toMatchObject({ code: "STORE_LOST" });
});

test("a candidate of the first start waits a whole lease on a recovered record", async () => {
  const rig = createRig();
  await settleWithin(rig.clock, rig.acquire(rig.context("a")), 1_000);
  const waiting = rig.acquire(rig.context("b"));
  expect(await isPendingAfter(rig.clock, waiting, 500)).toBe(true);
  await remove(rig, LEASE);
  await remove(rig, storePaths.history(SERVICE));
  const options = { epochAbove: 5n, note: "restored", leaseMsMax: TIMING.leaseMs, timeoutMs: 1_000, signal: never };
  await recoverLease(rig.context("operator"), options);
  expect(await isPendingAfter(rig.clock, waiting, CANDIDATE_WAIT_MS - 100)).toBe(true);
  const { value } = await settleWithin(rig.clock, waiting, CANDIDATE_WAIT_MS);
  expect(value.lease.epoch).toBe(6n);
});

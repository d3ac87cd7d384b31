import { expect, test } from "vitest";
import { readHistory } from "./history-log.js";
import { createRig, settleWithin } from "./lease-rig.fixture.js";
import { writeTombstone } from "./tombstone.js";

const call = { timeoutMs: 1_000, signal: new AbortController().signal, note: "by ops" };

async function released() {
  const rig = createRig();
  const { value } = await settleWithin(rig.clock, rig.acquire(rig.context("a"), { firstRun: true }), 60_000);
  return { rig, lease: value.lease };
}

test("a lease that is held gets no tombstone, and nothing is written", async () => {
  const { rig } = await released();
  const before = await rig.read();
  await expect(writeTombstone(rig.context("controller"), call)).rejects.toMatchObject({ code: "HELD_BY_OTHER" });
  expect(await rig.read()).toEqual(before);
  const history = await readHistory(rig.context("x"), call);
  expect((history?.entries ?? []).map(({ kind }) => kind)).not.toContain("destroyed");
});

test("a released one refuses every candidate afterwards, keeps its epoch, and is written once", async () => {
  const { rig, lease } = await released();
  await settleWithin(rig.clock, lease.release({ kind: "released" }, null, call.signal), 60_000);
  await writeTombstone(rig.context("controller"), call);
  const tombstone = await rig.read();
  expect(tombstone).toMatchObject({ state: { kind: "destroyed" }, epoch: lease.epoch });
  await writeTombstone(rig.context("controller"), call);
  expect(await rig.read()).toEqual(tombstone);
  const history = await readHistory(rig.context("x"), call);
  expect(history?.entries.filter(({ kind }) => kind === "destroyed")).toHaveLength(1);
  const next = settleWithin(rig.clock, rig.acquire(rig.context("b")), 60_000);
  await expect(next).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("what a run left behind that may still write has to be fenced first", async () => {
  const { rig } = await released();
  const record = await rig.read();
  const pendingFence = { epoch: record.epoch, agent: "a", what: "a process in D state" };
  await rig.write({ ...record, state: { kind: "released" }, pendingFence });
  await expect(writeTombstone(rig.context("controller"), call)).rejects.toMatchObject({ code: "HELD_BY_OTHER" });
});

test("where nobody ever had a lease there is nothing to mark", async () => {
  expect(await writeTombstone(createRig().context("controller"), call)).toBeUndefined();
});

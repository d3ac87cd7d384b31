import { expect, test } from "vitest";
import type { StorageRecord } from "../records/storage.js";
import {
  decideRestore,
  pinMoved,
  type RestoreFacts,
  type RestoringRun,
  restoreBegun,
  restoreDone,
  restoreFailed,
} from "./restore-decision.js";

const AT = "2026-01-02T03:04:05.000Z";
const VOLUME = "0d2f7c5e-0000-4000-8000-000000000001";
const COPY = "0d2f7c5e-0000-4000-8000-000000000002";

const fresh: StorageRecord = {
  v: 1,
  service: "orders-db",
  role: "data",
  strategy: "local-pin",
  pin: { agent: "a", at: AT, why: "most spare disk" },
  initialised: null,
  restore: null,
  lossReceipts: [],
};
const atHome: StorageRecord = { ...fresh, initialised: { volumeId: VOLUME, epoch: 3n, agent: "a", at: AT } };
/** Agent a is lost; somebody who sees the agents has decided that. */
const moved = pinMoved(atHome, { agent: "b", at: AT, why: "agent a is gone" });

const a: RestoringRun = { agent: "a", run: "run-on-a-1", epoch: 5n };
const b: RestoringRun = { agent: "b", run: "run-on-b-1", epoch: 6n };
const b2: RestoringRun = { agent: "b", run: "run-on-b-2", epoch: 7n };
const empty: RestoreFacts = { permitted: true, volumeId: null, empty: true };
const receipt = { epoch: 6n, reason: "agent a is gone", lossMsMax: 60_000, from: "nightly", at: AT };

test("does nothing for a volume that never held anything", () => {
  expect(decideRestore(null, a, empty).kind).toBe("none");
  expect(decideRestore(fresh, a, empty).kind).toBe("none");
});

test("does nothing where the volume on record is", () => {
  expect(decideRestore(atHome, a, { ...empty, volumeId: VOLUME, empty: false }).kind).toBe("none");
});

test("takes an empty directory at home for a disk that is not mounted, whatever the policy says", () => {
  expect(decideRestore(atHome, a, empty)).toMatchObject({ kind: "refused", code: "IDENTITY_MISMATCH" });
});

test("refuses another volume in place of the one on record", () => {
  const facts = { ...empty, volumeId: COPY, empty: false };
  expect(decideRestore(atHome, a, facts)).toMatchObject({ kind: "refused", code: "IDENTITY_MISMATCH" });
});

test("refuses on any agent but the one with the pin, even when that one is lost", () => {
  expect(decideRestore(atHome, b, empty)).toMatchObject({ kind: "refused", code: "HELD_BY_OTHER" });
  expect(decideRestore(moved, a, { ...empty, volumeId: VOLUME, empty: false })).toMatchObject({
    kind: "refused",
    code: "HELD_BY_OTHER",
  });
});

test("begins where the pin was moved to", () => {
  expect(decideRestore(moved, b, empty)).toMatchObject({
    kind: "begin",
    why: expect.stringContaining("agent a is gone"),
  });
});

test("does not begin without a policy that permits it", () => {
  expect(decideRestore(moved, b, { ...empty, permitted: false })).toMatchObject({ kind: "refused", code: "DENIED" });
});

test("does not begin over data", () => {
  for (const volumeId of [null, COPY]) {
    const decision = decideRestore(moved, b, { ...empty, volumeId, empty: false });
    expect(decision).toMatchObject({ kind: "refused", code: "RESTORE_FAILED" });
  }
});

test("begins anew after a crash at any point before the record said done", () => {
  const crashed = restoreBegun(moved, b, "nightly", AT);
  for (const facts of [empty, { ...empty, volumeId: COPY, empty: false }]) {
    expect(decideRestore(crashed, b, facts).kind).toBe("begin"); // the same run asks again
    expect(decideRestore(crashed, b2, facts).kind).toBe("begin");
  }
});

test("ends at most once: afterwards the volume is at home, and an empty directory is a loss again", () => {
  const done = restoreDone(restoreBegun(moved, b, "nightly", AT), b, { volumeId: COPY, receipt });
  expect(done.lossReceipts).toEqual([receipt]);
  expect(decideRestore(done, b2, { ...empty, volumeId: COPY, empty: false }).kind).toBe("none");
  expect(decideRestore(done, b2, empty)).toMatchObject({ kind: "refused", code: "IDENTITY_MISMATCH" });
});

test("stays refused after a failure, until the pin moves again", () => {
  const failed = restoreFailed(restoreBegun(moved, b, "nightly", AT), b, "nightly", AT);
  expect(decideRestore(failed, b2, empty)).toMatchObject({ kind: "refused", code: "RESTORE_FAILED" });
  const again = pinMoved(failed, { agent: "c", at: AT, why: "try on c" });
  expect(decideRestore(again, { agent: "c", run: "run-on-c-1", epoch: 8n }, empty).kind).toBe("begin");
});

test("a second loss is restored once more, on a third agent", () => {
  const done = restoreDone(restoreBegun(moved, b, "nightly", AT), b, { volumeId: COPY, receipt });
  const second = pinMoved(done, { agent: "c", at: AT, why: "agent b is gone" });
  expect(decideRestore(second, { agent: "c", run: "run-on-c-1", epoch: 9n }, empty).kind).toBe("begin");
});

test("is void for an older epoch, and for another run of the same epoch", () => {
  const begun = restoreBegun(moved, b2, "nightly", AT);
  expect(decideRestore(begun, b, empty)).toMatchObject({ kind: "refused", code: "STALE_EPOCH" });
  const twin = { ...b2, run: "run-on-b-3" };
  expect(decideRestore(begun, twin, empty)).toMatchObject({ kind: "refused", code: "STALE_EPOCH" });
});

test("keeps twenty receipts, the newest last", () => {
  let record = moved;
  for (let epoch = 1n; epoch <= 25n; epoch += 1n) {
    record = restoreDone(record, b, { volumeId: COPY, receipt: { ...receipt, epoch } });
  }
  expect(record.lossReceipts.map((kept) => kept.epoch)).toEqual(Array.from({ length: 20 }, (_, i) => BigInt(i + 6)));
});

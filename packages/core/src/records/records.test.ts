import fc from "fast-check";
import { expect, test } from "vitest";
import { appendHistory, HISTORY_ENTRIES_MAX, historyRecordFormat } from "./history.js";
import { type LeaseRecord, leaseRecordFormat } from "./lease.js";
import { volumeEpochFormat } from "./volume.js";

const lease: LeaseRecord = {
  v: 1,
  service: "orders-db",
  epoch: 12345678901234567890n,
  run: "run-number-one",
  attempt: { nonce: "nonce-one", n: 3 },
  agent: "agent-1",
  machineId: "m",
  bootId: "b",
  leaseMs: 30_000,
  state: { kind: "held" },
  pendingFence: null,
  since: "2026-01-01T00:00:00.000Z",
  holder: { host: "h", pid: 1 },
};
const text = (data: Uint8Array) => new TextDecoder().decode(data);
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

test("an epoch survives the store exactly, beyond what a double can hold", () => {
  const back = leaseRecordFormat.parse(leaseRecordFormat.serialize(lease));
  expect(back.epoch).toBe(12345678901234567890n);
  expect(text(leaseRecordFormat.serialize(lease))).toContain('"epoch":"12345678901234567890"');
});

test("fields of a newer program survive being read and written by an older one", () => {
  const stored = { ...JSON.parse(text(leaseRecordFormat.serialize(lease))), shape: { of: "things to come" } };
  const again = JSON.parse(text(leaseRecordFormat.serialize(leaseRecordFormat.parse(bytes(stored)))));
  expect(again.shape).toEqual({ of: "things to come" });
});

test("an unknown major version, a damaged record and a missing version are refused, each in words", () => {
  const stored = JSON.parse(text(leaseRecordFormat.serialize(lease)));
  const why = (data: Uint8Array) => {
    try {
      leaseRecordFormat.parse(data);
    } catch (error) {
      return error as { code: string; message: string };
    }
    throw new Error("it was accepted");
  };
  expect(why(bytes({ ...stored, v: 2 }))).toMatchObject({
    code: "RECORD_INVALID",
    message: expect.stringContaining("version is 2"),
  });
  expect(why(bytes("{"))).toMatchObject({ code: "RECORD_INVALID" });
  expect(why(bytes({ ...stored, v: undefined }))).toMatchObject({
    code: "RECORD_INVALID",
    message: expect.stringContaining("no version"),
  });
  expect(why(bytes({ ...stored, epoch: -1 }))).toMatchObject({
    code: "RECORD_INVALID",
    message: expect.stringContaining("epoch"),
  });
});

test("no bytes whatever make a reader crash with anything but RECORD_INVALID", () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytes)), (data) => {
      try {
        leaseRecordFormat.parse(data);
      } catch (error) {
        expect(error).toMatchObject({ code: "RECORD_INVALID" });
      }
    }),
  );
});

test("history keeps the newest entries, the highest epoch and the longest lease, and stays below its limit", () => {
  let history = appendHistory(undefined, "orders-db", {
    at: lease.since,
    kind: "started",
    epoch: 9n,
    run: lease.run,
    agent: "a",
    leaseMs: 60_000,
  });
  for (let i = 0; i < 200; i++) {
    history = appendHistory(history, "orders-db", {
      at: lease.since,
      kind: "stopped",
      epoch: BigInt(i % 5),
      run: lease.run,
      agent: "a",
      note: "x".repeat(200),
    });
  }
  expect(history.entries).toHaveLength(HISTORY_ENTRIES_MAX);
  expect(history.epoch).toBe(9n);
  expect(history.leaseMsMax).toBe(60_000);
  expect(historyRecordFormat.serialize(history).byteLength).toBeLessThan(32 * 1024);
});

test("a lease record is below 1 KiB, as the store's clients want it", () => {
  expect(leaseRecordFormat.serialize(lease).byteLength).toBeLessThan(1_024);
  expect(() => volumeEpochFormat.parse(leaseRecordFormat.serialize(lease))).not.toThrow(TypeError);
});

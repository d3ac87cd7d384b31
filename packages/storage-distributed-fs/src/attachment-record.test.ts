import { expect, test } from "vitest";
import { assertNotStale, formatRecord, parseRecord } from "./attachment-record.js";
import { agentsOf, formatRejected, rejected } from "./glusterfs/reject-list.js";

test("what is written is read back", () => {
  for (const record of [
    { epoch: 5n, agent: "agent-1" },
    { epoch: 7n, agent: null },
    { epoch: 9n, agent: "odd name@x" },
  ]) {
    expect(parseRecord(formatRecord(record))).toEqual(record);
  }
  expect(formatRecord({ epoch: 9n, agent: "odd name" })).not.toMatch(/\s/);
});

test("something else under the key is nothing", () => {
  for (const value of [undefined, "", "x", "5@", "-1"]) expect(parseRecord(value)).toBeUndefined();
});

test("only a higher epoch makes a grant stale", () => {
  assertNotStale(undefined, 1n);
  assertNotStale({ epoch: 2n }, 2n);
  expect(() => assertNotStale({ epoch: 3n }, 2n)).toThrow(expect.objectContaining({ code: "STALE_EPOCH" }));
});

test("an address that belongs to no known agent stands for itself", () => {
  expect(agentsOf(["10.0.0.4", "10.0.0.9"], { agents: { "agent-1": "10.0.0.4" } })).toEqual(["agent-1", "10.0.0.9"]);
});

test("a list that refuses nobody is never empty, and reads as empty", () => {
  const info = (value: string) => ({
    status: "Started",
    bricks: [],
    replicas: 1,
    dispersed: 0,
    options: new Map([["auth.reject", value]]),
  });
  expect(formatRejected([])).not.toBe("");
  expect(rejected(info(formatRejected([])))).toEqual([]);
  expect(rejected(info(formatRejected(["10.0.0.4", "10.0.0.5"])))).toEqual(["10.0.0.4", "10.0.0.5"]);
});

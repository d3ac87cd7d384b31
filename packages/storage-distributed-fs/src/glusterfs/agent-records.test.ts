import { expect, test } from "vitest";
import { type AgentRecord, assertFreeFor, newestOf, recordOption, recordsOf } from "./agent-records.js";
import type { VolumeInfo } from "./xml.js";

const ORDERS = { service: "orders", role: "data" };
const info = (...options: (readonly [string, string])[]): VolumeInfo => ({
  status: "Started",
  bricks: [],
  replicas: 1,
  dispersed: 0,
  options: new Map(options),
});
const record = (agent: string, epoch: bigint, state: AgentRecord["state"]): AgentRecord => ({ agent, epoch, state });

test("what is written is read back, whatever the agent is called", () => {
  const records = [
    record("agent-1", 5n, "attached"),
    record("a.b_c d/é", 7n, "fenced"),
    record("10.0.0.4", 3n, "free"),
  ];
  const options = records.map((one) => recordOption(ORDERS, one));
  expect(recordsOf(info(...options), ORDERS)).toEqual(records);
  for (const [name] of options) expect(name).toMatch(/^[A-Za-z0-9._-]+$/);
});

test("services and roles that share a Gluster volume have records of their own", () => {
  const options = info(recordOption(ORDERS, record("a", 1n, "attached")), ["user.holdfast.orders.data.b", "nonsense"]);
  expect(recordsOf(options, { service: "orders", role: "wal" })).toEqual([]);
  expect(recordsOf(options, { service: "order", role: "data" })).toEqual([]);
  expect(recordsOf(options, ORDERS)).toEqual([record("a", 1n, "attached")]);
});

test("the newest epoch is remembered beyond who had it", () => {
  expect(newestOf([])).toBeUndefined();
  expect(newestOf([record("a", 2n, "free"), record("b", 9n, "fenced"), record("c", 3n, "attached")])?.epoch).toBe(9n);
});

test("another agent's attachment stands in the way, one's own and former ones do not", () => {
  const records = [record("a", 2n, "attached"), record("b", 9n, "fenced"), record("c", 3n, "free")];
  assertFreeFor("a", records);
  expect(() => assertFreeFor("b", records)).toThrow(
    expect.objectContaining({ code: "HELD_BY_OTHER", detail: { agent: "a", epoch: "2" } }),
  );
});

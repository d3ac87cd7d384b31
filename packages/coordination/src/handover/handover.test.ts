import { storePaths } from "@holdfast/core";
import { createFakeClock, createFakeStoreServer } from "@holdfast/testkit";
import { beforeEach, expect, test } from "vitest";
import { settleWithin } from "../lease/lease-rig.fixture.js";
import { RequestRig } from "../request/request-rig.fixture.js";
import { askHandover, awaitHandover, readHandover, withdrawHandover } from "./handover.js";

const never = new AbortController().signal;
let server: ReturnType<typeof createFakeStoreServer>;
let clock: ReturnType<typeof createFakeClock>;
let context: { store: ReturnType<typeof server.connect>; clock: typeof clock };
let rig: RequestRig;
beforeEach(async () => {
  server = createFakeStoreServer();
  clock = createFakeClock();
  context = { store: server.connect("operator"), clock };
  rig = new RequestRig(context, "orders-db");
  await rig.holds(rig.lease(4n, "a"));
});

const settle = async <T>(promise: Promise<T>) => (await settleWithin(clock, promise, 30_000)).value;
const wish = (overrides = {}) => ({
  ...{ service: "orders-db", epoch: 4n, kind: "switchover" as const, to: "b", by: "ops", reason: "kernel update" },
  ...overrides,
});

test("the holder of that epoch is told, and nobody else", async () => {
  const holder = { store: server.connect("holder"), clock };
  const told = awaitHandover(holder, "orders-db", 4n, never);
  await clock.advance(100);
  await settle(askHandover(context, wish(), never));
  expect(await settle(told)).toMatchObject({ kind: "switchover", to: "b", reason: "kernel update" });
  expect(await readHandover(context, "orders-db", 5n, never)).toBeUndefined();
});

test("it is heard also when the watch says nothing and the store was away", async () => {
  const deaf = server.connect("holder");
  deaf.watch = () => undefined;
  const told = awaitHandover({ store: deaf, clock }, "orders-db", 4n, never);
  server.inject({ op: "get", client: "holder" }, { kind: "refused", code: "STORE_UNREACHABLE" });
  await settle(askHandover(context, wish(), never));
  expect(await settle(told)).toMatchObject({ epoch: 4n });
});

test.each([
  ["of another epoch", { epoch: 3n }],
  ["of an epoch that nobody has yet", { epoch: 5n }],
])("a wish %s is refused and not written", async (_, overrides) => {
  await expect(settle(askHandover(context, wish(overrides), never))).rejects.toMatchObject({ code: "STALE_EPOCH" });
  expect(await context.store.get(storePaths.handover("orders-db"), { timeoutMs: 1_000 })).toBeUndefined();
});

test("nobody is asked when the lease was released", async () => {
  await rig.holds(rig.lease(4n, "a", { state: { kind: "released" } }));
  await expect(settle(askHandover(context, wish(), never))).rejects.toMatchObject({ code: "STALE_EPOCH" });
});

test("asked twice is asked once; another wish for the same epoch takes its place", async () => {
  const first = await settle(askHandover(context, wish(), never));
  await clock.advance(5_000);
  expect(await settle(askHandover(context, wish(), never))).toEqual(first);
  await settle(askHandover(context, wish({ kind: "failover", to: null }), never));
  expect(await readHandover(context, "orders-db", 4n, never)).toMatchObject({ kind: "failover", to: null });
});

test("a wish is taken back by whom it came from", async () => {
  await settle(askHandover(context, wish(), never));
  expect(await settle(withdrawHandover(context, wish({ by: "somebody" }), never))).toBe(false);
  expect(await settle(withdrawHandover(context, wish(), never))).toBe(true);
  expect(await readHandover(context, "orders-db", 4n, never)).toBeUndefined();
});

import { isFenced } from "@holdfast/core";
import { createFakeClock, createFakeStoreServer } from "@holdfast/testkit";
import { expect, test } from "vitest";
import { settleWithin } from "../lease/lease-rig.fixture.js";
import { driveRequest } from "./drive.js";
import { RequestRig } from "./request-rig.fixture.js";

/**
 * The driving process dies after its first effect, its second, and so on: store writes and calls to the storage alike.
 * Whoever goes on, with the same grant or with the next, must come to the same end.
 */
async function scene() {
  const server = createFakeStoreServer();
  const clock = createFakeClock();
  const rig = new RequestRig({ store: server.connect(), clock }, "orders-db");
  const settle = async <T>(promise: Promise<T>) => (await settleWithin(clock, promise, 120_000)).value;
  const [a, b, c] = [rig.lease(1n, "a"), rig.lease(2n, "b"), rig.lease(3n, "c")];
  const nobody = rig.lease(0n, "x", { state: { kind: "vacant" } });
  await rig.holds(a);
  await settle(rig.driveUntilDeath(a, nobody, null, "driver-0"));
  await rig.started({ epoch: 1n, agent: "a" });
  await rig.holds(b);
  return { server, clock, rig, settle, a, b, c };
}

/** Every effect of a whole takeover, and one more that never comes. */
const EFFECTS_MAX = 40;

async function eachCrash(goOn: (world: Awaited<ReturnType<typeof scene>>) => Promise<void>): Promise<number> {
  for (let after = 0; after < EFFECTS_MAX; after++) {
    const world = await scene();
    const { rig, settle, a, b } = world;
    const finished = await settle(rig.driveUntilDeath(b, a, after, "driver-1"));
    await goOn(world);
    if (finished) return after;
  }
  throw new Error(`a takeover has more than ${EFFECTS_MAX} effects`);
}

test("another driver of the same grant comes to the same end after every effect", async () => {
  const effects = await eachCrash(async ({ rig, settle, a, b }) => {
    expect(await settle(rig.driveUntilDeath(b, a, null, "driver-2"))).toBe(true);
    const request = await rig.request();
    expect(request).toMatchObject({
      state: "ready",
      epoch: 2n,
      contexts: { data: { epoch: "2" }, log: { epoch: "2" } },
    });
    for (const { role } of rig.volumes) {
      const former = { agent: "a", epoch: 1n, bootId: null };
      expect(isFenced(request?.receipts ?? [], former, role)).toBe(true);
      expect(rig.strategy.state({ service: rig.service, role }).attached).toEqual({ agent: "b", epoch: 2n });
    }
    expect(await rig.quarantine("a")).toBeDefined();
  });
  expect(effects).toBeGreaterThan(12);
});

test("the next grant forgets nobody after every effect of the former one", async () => {
  await eachCrash(async ({ rig, settle, b, c }) => {
    await rig.holds(c);
    expect(await settle(rig.driveUntilDeath(c, b, null, "driver-2"))).toBe(true);
    const request = await rig.request();
    for (const { role } of rig.volumes) {
      for (const [agent, epoch] of [
        ["a", 1n],
        ["b", 2n],
      ] as const) {
        expect(isFenced(request?.receipts ?? [], { agent, epoch, bootId: null }, role), `${agent} ${role}`).toBe(true);
      }
      expect(rig.strategy.state({ service: rig.service, role }).attached).toEqual({ agent: "c", epoch: 3n });
    }
    expect(request).toMatchObject({ state: "ready", epoch: 3n });
  });
});

test("two drivers at once both get there, also when answers of the store are lost", async () => {
  for (let lost = 0; lost < 12; lost++) {
    const { server, clock, rig, settle, a, b } = await scene();
    const both = ["driver-1", "driver-2"].map(async (by) => {
      const context = { store: server.connect(by), clock };
      return driveRequest(context, rig.options(b, a, { by }));
    });
    const pass = server.inject({ op: "put", client: "driver-1", times: 1 }, { kind: "lost-reply" });
    if (lost % 2 === 0) pass.remove();
    server.inject({ op: "put", client: "driver-2", times: lost }, { kind: "lost-request" });
    const [first, second] = await settle(Promise.all(both));
    expect(first?.contexts).toEqual(second?.contexts);
    expect(await rig.request()).toMatchObject({ state: "ready", epoch: 2n });
  }
});

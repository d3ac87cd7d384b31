import { formerOfRecord, type Grant, HoldfastError, storePaths } from "@holdfast/core";
import { createFakeClock, createFakeOp, createFakeStoreServer } from "@holdfast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { settleWithin } from "../lease/lease-rig.fixture.js";
import { quarantineAgent, readQuarantine } from "../quarantine/quarantine.js";
import { requestStorage } from "./ask.js";
import { RequestRig } from "./request-rig.fixture.js";
import { type ServeOptions, serveRequests } from "./serve.js";

let server: ReturnType<typeof createFakeStoreServer>;
let clock: ReturnType<typeof createFakeClock>;
let run: { store: ReturnType<typeof server.connect>; clock: typeof clock };
let rig: RequestRig;
let stop: AbortController;
let serving: Promise<void>[];
let failures: unknown[];

beforeEach(async () => {
  server = createFakeStoreServer();
  clock = createFakeClock();
  run = { store: server.connect("run"), clock };
  rig = new RequestRig(run, "orders-db");
  stop = new AbortController();
  serving = [];
  failures = [];
  await rig.holds(b());
});
afterEach(async () => {
  stop.abort();
  await Promise.all(serving);
});

const a = () => rig.lease(1n, "a");
const b = () => rig.lease(2n, "b");
const settle = async <T>(promise: Promise<T>) => (await settleWithin(clock, promise, 120_000, 50)).value;

function serve(name: string, overrides: Partial<ServeOptions> = {}): void {
  const context = { store: server.connect(name), clock };
  serving.push(
    serveRequests(context, {
      resolve: async () => ({
        volumes: rig.volumes.map((volume) => ({ strategy: rig.strategy, volume })),
        limitMs: 10_000,
      }),
      ...{ by: name, signal: stop.signal, op: async (_: string, signal: AbortSignal) => createFakeOp({ signal }) },
      onFailed: (_, error) => void failures.push(error),
      ...overrides,
    }),
  );
}

const ask = (grant: Grant = rig.grant(b()), limitMs = 20_000, cleaned: string | null = null) =>
  requestStorage(run, { grant, former: formerOfRecord(a()), limitMs, cleaned });

describe("a run that asks", () => {
  test("gets contexts and receipts from the controller", async () => {
    serve("controller");
    const { contexts, receipts } = await settle(ask());
    expect(Object.keys(contexts)).toEqual(["data", "log"]);
    expect(receipts).toHaveLength(2);
    expect(failures).toEqual([]);
  });

  test("is served by a controller that starts later, and that hears no watch", async () => {
    const asked = ask();
    await clock.advance(3_000);
    const deaf = server.connect("deaf");
    deaf.watch = () => undefined;
    serving.push(
      serveRequests(
        { store: deaf, clock },
        {
          services: () => ["orders-db"],
          resolve: async () => ({
            volumes: rig.volumes.map((v) => ({ strategy: rig.strategy, volume: v })),
            limitMs: 10_000,
          }),
          ...{ by: "deaf", signal: stop.signal, op: async (_, signal) => createFakeOp({ signal }) },
        },
      ),
    );
    expect(Object.keys((await settle(asked)).contexts)).toEqual(["data", "log"]);
  });

  test("is told what the controller could not do", async () => {
    rig.strategy.failNext("attach", new HoldfastError("NO_CAPACITY", "no room left", { hint: "free some" }));
    serve("controller");
    await expect(settle(ask())).rejects.toMatchObject({ code: "NO_CAPACITY", hint: "free some" });
  });

  test("asks again after a failure and may succeed", async () => {
    rig.strategy.failNext("attach", new HoldfastError("NO_CAPACITY", "no room left", { hint: "free some" }));
    serve("controller");
    await expect(settle(ask())).rejects.toMatchObject({ code: "NO_CAPACITY" });
    expect(Object.keys((await settle(ask())).contexts)).toEqual(["data", "log"]);
  });

  test("gives up when nobody serves it, and says so", async () => {
    await expect(settle(ask(rig.grant(b()), 5_000))).rejects.toMatchObject({
      code: "BUSY",
      message: expect.stringContaining("no controller began"),
    });
  });

  test("stops when its grant is over", async () => {
    const asked = ask();
    const refused = expect(asked).rejects.toMatchObject({ code: "STALE_EPOCH" });
    await clock.advance(500);
    const c = rig.lease(3n, "c");
    await rig.holds(c);
    serve("controller");
    await settle(requestStorage(run, { grant: rig.grant(c), former: formerOfRecord(b()), limitMs: 20_000 }));
    await clock.advance(2_000);
    await refused;
  });

  test("stops with its own signal", async () => {
    const grant = new AbortController();
    const asked = ask(rig.grant(b(), grant.signal));
    const refused = expect(asked).rejects.toThrow("the deadline");
    await clock.advance(500);
    grant.abort(new Error("the deadline"));
    await clock.advance(100);
    await refused;
  });

  test("lifts the quarantine of its agent with what it cleaned up", async () => {
    await quarantineAgent(
      run,
      "orders-db",
      { agent: "b", epoch: 1n, bootId: "boot-b" },
      "did not release",
      stop.signal,
    );
    serve("controller");
    await settle(ask(rig.grant(b()), 20_000, "nothing was left"));
    expect(await readQuarantine(run, "orders-db", "b", stop.signal)).toBeUndefined();
  });
});

describe("a controller", () => {
  test("serves the others when the record of one service cannot be read, and tells of it once", async () => {
    const path = storePaths.request("broken-db");
    await run.store.create(path, new TextEncoder().encode("{"), { timeoutMs: 1_000, signal: stop.signal });
    serve("controller", { services: () => ["broken-db", "orders-db"] });
    await settle(ask());
    await clock.advance(5_000);
    expect(failures).toMatchObject([{ code: "RECORD_INVALID" }]);
  });

  test("serves no request whose grant is over", async () => {
    // The run itself is ended by its guard; here it only waits in vain.
    const refused = expect(ask(rig.grant(b()), 3_000)).rejects.toMatchObject({ code: "BUSY" });
    await clock.advance(10);
    await rig.holds(rig.lease(3n, "c"));
    serve("controller");
    await clock.advance(5_000);
    expect(rig.strategy.calls).toEqual([]);
    expect(failures).toEqual([]);
    await refused;
  });

  test("leaves alone what is not its own to serve", async () => {
    serve("controller", { resolve: async () => undefined });
    await expect(settle(ask(rig.grant(b()), 4_000))).rejects.toMatchObject({ code: "BUSY" });
    expect(rig.strategy.calls).toEqual([]);
  });

  test("goes on with what another began and left", async () => {
    expect(await settle(rig.driveUntilDeath(b(), a(), 3, "controller-that-died"))).toBe(false);
    expect((await rig.request())?.state).toBe("serving");
    serve("controller");
    expect(Object.keys((await settle(ask(rig.grant(b()), 60_000))).contexts)).toEqual(["data", "log"]);
  });

  test("two of them at once come to the same end", async () => {
    serve("controller-1");
    serve("controller-2");
    expect(Object.keys((await settle(ask())).contexts)).toEqual(["data", "log"]);
    expect(await rig.request()).toMatchObject({ state: "ready", epoch: 2n });
  });

  test("serves on after the store was away", async () => {
    serve("controller");
    server.inject({ client: "controller", op: "list", times: 3 }, { kind: "refused", code: "STORE_UNREACHABLE" });
    server.inject({ client: "controller", op: "get", times: 3 }, { kind: "refused", code: "STORE_UNREACHABLE" });
    expect(Object.keys((await settle(ask())).contexts)).toEqual(["data", "log"]);
  });

  test("ends what it does for a grant soon after the grant", async () => {
    const never = { ...rig.strategy, plan: () => ({ kind: "wait" as const, why: "for ever" }) };
    serve("controller", {
      resolve: async () => ({ volumes: rig.volumes.map((v) => ({ strategy: never, volume: v })), limitMs: 600_000 }),
    });
    const refused = expect(ask(rig.grant(b()), 20_000)).rejects.toMatchObject({ code: "STALE_EPOCH" });
    await clock.advance(1_000);
    await rig.holds(rig.lease(3n, "c"));
    server.removeRecord(storePaths.request("orders-db"));
    await clock.advance(3_000);
    expect(failures).toMatchObject([{ code: "STALE_EPOCH" }]);
    await refused;
  });
});

import { HoldfastError, storePaths } from "@holdfast/core";
import { createFakeClock, createFakeStorageStrategy, createFakeStoreServer } from "@holdfast/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import { settleWithin } from "../lease/lease-rig.fixture.js";
import { readStorageRecord } from "../storage-record/storage-record.js";
import { driveRequest } from "./drive.js";
import { RequestRig } from "./request-rig.fixture.js";

let server: ReturnType<typeof createFakeStoreServer>;
let clock: ReturnType<typeof createFakeClock>;
let context: { store: ReturnType<typeof server.connect>; clock: typeof clock };
let rig: RequestRig;

function begin(strategy = createFakeStorageStrategy()): void {
  server = createFakeStoreServer();
  clock = createFakeClock();
  context = { store: server.connect("driver"), clock };
  rig = new RequestRig(context, "orders-db", strategy);
}
beforeEach(() => begin());

const settle = async <T>(promise: Promise<T>, limitMs = 60_000) => (await settleWithin(clock, promise, limitMs)).value;
const a = () => rig.lease(1n, "a");
const b = () => rig.lease(2n, "b");

/** As if epoch 1 had run on agent a: attached there. */
async function ranOnA(): Promise<void> {
  await rig.holds(a());
  await settle(driveRequest(context, rig.options(a(), rig.lease(0n, "x", { state: { kind: "vacant" } }))));
  await rig.started({ epoch: 1n, agent: "a" });
}

const verbs = () => rig.strategy.calls.filter((verb) => verb !== "observe");

describe("a run that takes over", () => {
  test("fences who did not release, with a receipt, before it attaches", async () => {
    await ranOnA();
    await rig.holds(b());
    const result = await settle(driveRequest(context, rig.options(b(), a())));
    expect(verbs().slice(2)).toEqual(["fence", "attach", "fence", "attach"]);
    expect(Object.keys(result.contexts)).toEqual(["data", "log"]);
    expect(await rig.request()).toMatchObject({
      epoch: 2n,
      state: "ready",
      receipts: [
        { agent: "a", fencedEpoch: 1n, role: "data" },
        { agent: "a", fencedEpoch: 1n, role: "log" },
      ],
      contexts: { data: { epoch: "2" }, log: { epoch: "2" } },
    });
    expect(await rig.quarantine("a")).toMatchObject({ epoch: 1n, bootId: "boot-a" });
  });

  test("fences nobody after a release", async () => {
    await ranOnA();
    await rig.holds(b());
    const released = rig.lease(1n, "a", { state: { kind: "released" } });
    for (const volume of rig.volumes) rig.strategy.state(volume).attached = null;
    await settle(driveRequest(context, rig.options(b(), released)));
    expect(verbs().slice(2)).toEqual(["attach", "attach"]);
    expect(await rig.quarantine("a")).toBeUndefined();
  });

  test("does not fence its own agent, and says so of a machine that was started anew", async () => {
    await ranOnA();
    const again = rig.lease(2n, "a", { bootId: "boot-after" });
    await rig.holds(again);
    const { receipts } = await settle(driveRequest(context, rig.options(again, a())));
    expect(verbs()).not.toContain("fence");
    expect(receipts).toMatchObject([{ strategy: "boot", agent: "a", fencedEpoch: 1n }]);
  });

  test("does not fence again what a receipt covers", async () => {
    await ranOnA();
    await rig.holds(b());
    await settle(driveRequest(context, rig.options(b(), a())));
    await rig.started({ epoch: 1n, agent: "a" }, { epoch: 2n, agent: "b", stopped: true });
    for (const volume of rig.volumes) rig.strategy.state(volume).attached = null;
    const c = rig.lease(3n, "c");
    await rig.holds(c);
    await settle(driveRequest(context, rig.options(c, rig.lease(2n, "b", { state: { kind: "released" } }))));
    expect(verbs().filter((verb) => verb === "fence")).toHaveLength(2);
  });

  test("begins no step more once another driver has made its storage ready, and has that answer", async () => {
    await ranOnA();
    await rig.holds(b());
    const late: string[] = [];
    const strategy = {
      ...rig.strategy,
      // It has looked; until it acts, another does everything.
      observe: async (...call: Parameters<typeof rig.strategy.observe>) => {
        const observed = await rig.strategy.observe(...call);
        await driveRequest(context, rig.options(b(), a(), { by: "fast" }));
        return observed;
      },
      fence: async () => Promise.reject(new Error(`late ${late.push("fence")}`)),
      attach: async () => Promise.reject(new Error(`late ${late.push("attach")}`)),
    };
    const volumes = rig.volumes.map((volume) => ({ strategy, volume }));
    const fast = await settle(driveRequest(context, rig.options(b(), a(), { by: "slow", volumes })));
    expect(late).toEqual([]);
    expect(Object.keys(fast.contexts)).toEqual(["data", "log"]);
    expect(fast.receipts).toHaveLength(2);
    const made = await rig.request();
    expect(made).toMatchObject({ state: "ready", epoch: 2n });
    expect(made?.steps.every(({ by }) => by !== "slow")).toBe(true);
  });

  test("the failure of a slower driver does not take back what was made ready", async () => {
    await ranOnA();
    await rig.holds(b());
    const strategy = {
      ...rig.strategy,
      observe: async () => {
        await driveRequest(context, rig.options(b(), a(), { by: "fast" }));
        throw new HoldfastError("DENIED", "It is gone.", { hint: "Look." });
      },
    };
    const volumes = rig.volumes.map((volume) => ({ strategy, volume }));
    const slow = settle(driveRequest(context, rig.options(b(), a(), { by: "slow", volumes })));
    await expect(slow).rejects.toMatchObject({ code: "DENIED" });
    const made = await rig.request();
    expect(made?.state).toBe("ready");
    expect(made?.failure).toBeUndefined();
  });

  test("gets the receipt also when the storage refuses that agent already", async () => {
    await ranOnA();
    await rig.holds(b());
    for (const volume of rig.volumes) {
      rig.strategy.state(volume).former.set("a", { epoch: 1n, fenced: true });
      rig.strategy.state(volume).attached = null;
    }
    const { receipts } = await settle(driveRequest(context, rig.options(b(), a())));
    expect(receipts).toHaveLength(2);
  });

  test("remembers whom a run in between did not get fenced", async () => {
    await ranOnA();
    // Epoch 2 won and died before it wrote anything: only the history knows of epoch 1.
    const c = rig.lease(3n, "c");
    await rig.holds(c);
    const { receipts } = await settle(driveRequest(context, rig.options(c, b())));
    expect(receipts.map(({ agent, role }) => `${agent} ${role}`)).toEqual(["a data", "b data", "a log", "b log"]);
  });
});

describe("without an answer", () => {
  test("an unknown outcome is looked at and planned again", async () => {
    await rig.holds(b());
    rig.strategy.failNext("attach", new HoldfastError("UNKNOWN_OUTCOME", "no answer", { hint: "observe" }));
    await settle(driveRequest(context, rig.options(b(), rig.lease(1n, "a", { state: { kind: "vacant" } }))));
    const steps = (await rig.request())?.steps ?? [];
    expect(steps[0]).toMatchObject({ verb: "attach", state: "failed", code: "UNKNOWN_OUTCOME" });
    expect(steps.at(-1)).toMatchObject({ verb: "attach", state: "done" });
  });

  test("a lost reply of the store is read back and not written twice", async () => {
    await rig.holds(b());
    server.inject({ op: "put", path: storePaths.request("orders-db") }, { kind: "lost-reply" });
    await settle(driveRequest(context, rig.options(b(), rig.lease(1n, "a", { state: { kind: "vacant" } }))));
    expect((await rig.request())?.steps.filter(({ role }) => role === "data")).toHaveLength(1);
  });

  test("it waits where it cannot fence, goes on with an operator's receipt, and says for what it waits", async () => {
    await ranOnA();
    await rig.holds(b());
    const unfenceable = () => new HoldfastError("UNFENCEABLE", "the server is silent", { hint: "look" });
    rig.strategy.failNext("fence", unfenceable());
    const waits: string[] = [];
    const driven = driveRequest(context, rig.options(b(), a(), { onWait: (_, __, code) => void waits.push(code) }));
    await settle(driven);
    expect(waits).toEqual(["UNFENCEABLE"]);
    expect(verbs().filter((verb) => verb === "fence")).toHaveLength(3);
  });

  test("at the limit the reason for waiting is the answer, also in the record", async () => {
    await ranOnA();
    await rig.holds(b());
    const stuck = { ...rig.strategy, plan: () => ({ kind: "wait" as const, why: "agent-9 has the disk" }) };
    const volumes = rig.volumes.map((volume) => ({ strategy: stuck, volume }));
    const driven = driveRequest(context, rig.options(b(), a(), { volumes, limitMs: 3_000 }));
    await expect(settle(driven)).rejects.toMatchObject({ code: "BUSY", retryable: true });
    expect(await rig.request()).toMatchObject({ state: "failed", failure: { code: "BUSY" } });
    expect((await rig.request())?.failure?.message).toContain("agent-9 has the disk");
  });

  test("a plan that never becomes empty ends as a defect", async () => {
    await rig.holds(b());
    const step = { verb: "detach" as const, agent: "x", why: "for ever" };
    const endless = { ...rig.strategy, plan: () => ({ kind: "steps" as const, steps: [step] }) };
    const volumes = rig.volumes.map((volume) => ({ strategy: endless, volume }));
    const driven = driveRequest(context, rig.options(b(), a(), { volumes }));
    await expect(settle(driven)).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("what is final ends it at once, and the record says why", async () => {
    await rig.holds(b());
    rig.strategy.failNext("attach", new HoldfastError("NOT_FOUND", "no such export", { hint: "provision it" }));
    await expect(settle(driveRequest(context, rig.options(b(), b())))).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await rig.request()).toMatchObject({
      state: "failed",
      failure: { code: "NOT_FOUND", hint: "provision it" },
    });
  });
});

describe("a grant that is over", () => {
  test("is refused before anything is done", async () => {
    await rig.holds(rig.lease(3n, "c"));
    await expect(settle(driveRequest(context, rig.options(b(), a())))).rejects.toMatchObject({ code: "STALE_EPOCH" });
    expect(rig.strategy.calls).toEqual([]);
  });

  test.each(["fence", "attach"] as const)("that ends during %s stops there and writes nothing more", async (verb) => {
    await ranOnA();
    await rig.holds(b());
    const other = server.connect("next");
    const next = new RequestRig({ store: other, clock }, "orders-db", rig.strategy);
    const slow = {
      ...rig.strategy,
      [verb]: async (...call: unknown[]) => {
        const result = await (rig.strategy[verb] as (...all: unknown[]) => Promise<unknown>)(...call);
        const c = next.lease(3n, "c");
        await next.holds(c);
        await driveRequest({ store: other, clock }, next.options(c, b(), { by: "driver-of-c" }));
        return result;
      },
    };
    const volumes = rig.volumes.map((volume) => ({ strategy: slow, volume }));
    const driven = driveRequest(context, rig.options(b(), a(), { volumes }));
    await expect(settle(driven)).rejects.toMatchObject({ code: "STALE_EPOCH" });
    expect(await rig.request()).toMatchObject({ epoch: 3n, state: "ready" });
    for (const volume of rig.volumes) expect(rig.strategy.state(volume).attached).toEqual({ agent: "c", epoch: 3n });
  });

  test("that ends before its successor asked for anything attaches nothing", async () => {
    await ranOnA();
    await rig.holds(b());
    const slow = {
      ...rig.strategy,
      fence: async (...call: Parameters<typeof rig.strategy.fence>) => {
        const receipt = await rig.strategy.fence(...call);
        await rig.holds(rig.lease(3n, "c"));
        return receipt;
      },
    };
    const volumes = rig.volumes.map((volume) => ({ strategy: slow, volume }));
    const driven = driveRequest(context, rig.options(b(), a(), { volumes }));
    await expect(settle(driven)).rejects.toMatchObject({ code: "STALE_EPOCH" });
    expect(verbs().slice(2)).toEqual(["fence"]);
  });

  test("that ends during the last attach gets no answer", async () => {
    await rig.holds(b());
    const slow = {
      ...rig.strategy,
      attach: async (...call: Parameters<typeof rig.strategy.attach>) => {
        const attached = await rig.strategy.attach(...call);
        if (call[1].role === "log") await rig.holds(rig.lease(3n, "c"));
        return attached;
      },
    };
    const volumes = rig.volumes.map((volume) => ({ strategy: slow, volume }));
    const driven = driveRequest(context, rig.options(b(), b(), { volumes }));
    await expect(settle(driven)).rejects.toMatchObject({ code: "STALE_EPOCH" });
    expect((await rig.request())?.state).toBe("serving");
  });

  test("of a released lease does nothing", async () => {
    await rig.holds(rig.lease(2n, "b", { state: { kind: "released" } }));
    await expect(settle(driveRequest(context, rig.options(b(), a())))).rejects.toMatchObject({ code: "STALE_EPOCH" });
  });
});

test("data that cannot move is pinned to the first agent, once", async () => {
  begin(createFakeStorageStrategy({ capabilities: { movesBetweenAgents: false, fences: false } }));
  const vacant = rig.lease(1n, "a", { state: { kind: "vacant" } });
  for (const lease of [b(), rig.lease(3n, "c")]) {
    await rig.holds(lease);
    for (const volume of rig.volumes) rig.strategy.state(volume).attached = null;
    await settle(driveRequest(context, rig.options(lease, vacant)));
  }
  const signal = new AbortController().signal;
  const record = await readStorageRecord(context, { service: "orders-db", role: "data" }, signal);
  expect(record?.pin).toMatchObject({ agent: "b" });
});

describe("quarantine", () => {
  const back = () => rig.lease(3n, "a");
  async function fencedAndReleased(): Promise<void> {
    await ranOnA();
    await rig.holds(b());
    await settle(driveRequest(context, rig.options(b(), a())));
    for (const volume of rig.volumes) rig.strategy.state(volume).attached = null;
    await rig.holds(back());
  }
  const released = () => rig.lease(2n, "b", { state: { kind: "released" } });

  test("keeps that agent out until it cleaned up, and nobody else", async () => {
    await fencedAndReleased();
    const driven = driveRequest(context, rig.options(back(), released(), { limitMs: 2_000 }));
    await expect(settle(driven)).rejects.toMatchObject({ code: "BUSY" });
    expect(verbs()).not.toContain("unfence");
    await rig.holds(rig.lease(4n, "c"));
    await settle(driveRequest(context, rig.options(rig.lease(4n, "c"), released())));
  });

  test("is over when the run there cleaned up as its first step", async () => {
    await fencedAndReleased();
    await settle(driveRequest(context, rig.options(back(), released(), { cleaned: "no process, nothing mounted" })));
    expect(await rig.quarantine("a")).toBeUndefined();
    expect(verbs()).toContain("unfence");
  });

  test("is over when the machine was started anew and nothing is attached there", async () => {
    await fencedAndReleased();
    const rebooted = rig.lease(3n, "a", { bootId: "boot-after" });
    await rig.holds(rebooted);
    await settle(driveRequest(context, rig.options(rebooted, released())));
    expect(await rig.quarantine("a")).toBeUndefined();
  });
});

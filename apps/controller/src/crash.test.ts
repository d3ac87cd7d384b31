import { readHandover, writeHistory } from "@holdfast/coordination";
import { handoverRecordFormat, type Operation, pauseRecordFormat, storePaths } from "@holdfast/core";
import { expect, test } from "vitest";
import { leaseContextOf } from "./context.js";
import { ControllerRig, CrashPoint, makeService, SERVICE } from "./controller-rig.fixture.js";
import { beginOperation } from "./journal.js";

/**
 * The controller dies after its first effect, its second, and so on: writes to the store, calls to the orchestrator and to
 * the storage alike. The next one, of a higher epoch, must come to the same end and do no step twice.
 */
const EFFECTS_MAX = 60;
const stop = new AbortController();

async function eachCrash(
  prepare: (rig: ControllerRig) => Promise<void>,
  check: (rig: ControllerRig, after: number) => Promise<void>,
): Promise<number> {
  for (let after = 0; after < EFFECTS_MAX; after++) {
    const rig = new ControllerRig();
    await prepare(rig);
    const point = new CrashPoint(after);
    const finished = await rig.settle(rig.work(rig.leading("controller-1", 1n, point), point));
    const living = new CrashPoint(null);
    expect(await rig.settle(rig.work(rig.leading("controller-2", 2n, living), living))).toBe(true);
    await check(rig, after);
    if (finished) return after;
  }
  throw new Error(`it has more than ${EFFECTS_MAX} effects`);
}

test("a service is applied once, whenever the controller dies", async () => {
  const effects = await eachCrash(
    (rig) => rig.catalogue(makeService()),
    async (rig, after) => {
      expect(rig.effects, `after ${after} effects`).toEqual(["apply 256"]);
      expect(await rig.decisions()).toMatchObject({
        current: null,
        applied: { generation: 1 },
        past: [{ kind: "reconcile", state: "done", automatic: false, by: "ops" }],
      });
    },
  );
  // Opened, started, applied, done, closed: it dies after each of the five; with a sixth it lives.
  expect(effects).toBe(6);
});

test("a service is destroyed step by step, each once, and its tombstone comes after the release", async () => {
  const effects = await eachCrash(
    async (rig) => {
      const service = makeService();
      await rig.catalogue(service);
      const living = new CrashPoint(null);
      await rig.settle(rig.work(rig.leading("controller-0", 1n, living), living));
      await rig.holds();
      await rig.catalogue(service, { generation: 2, desired: "destroyed" });
      // The run ends when it is stopped, and takes its time.
      void (async () => {
        while (!rig.effects.includes("stop")) await rig.clock.sleep(100);
        await rig.clock.sleep(2_000);
        expect((await rig.lease())?.state.kind).toBe("held");
        await rig.holds({ state: { kind: "released" } });
      })();
    },
    async (rig, after) => {
      expect(rig.effects, `after ${after} effects`).toEqual(["apply 256", "stop"]);
      expect(await rig.lease()).toMatchObject({ state: { kind: "destroyed" }, epoch: 7n });
      const history = await rig.server.connect().get(storePaths.history(SERVICE), { timeoutMs: 1_000 });
      expect(new TextDecoder().decode(history?.data).match(/"destroyed"/g)).toHaveLength(1);
      const past = (await rig.decisions())?.past ?? [];
      expect(past.map(({ kind, state }) => `${kind} ${state}`)).toEqual(["reconcile done", "destroy done"]);
    },
  );
  expect(effects).toBeGreaterThanOrEqual(10);
});

test("a destroy that was overtaken by an apply stops nothing", async () => {
  const rig = new ControllerRig();
  await rig.catalogue(makeService());
  const living = new CrashPoint(null);
  const leading = rig.leading("controller-1", 1n);
  await rig.settle(rig.work(leading, living));
  const planned = ["stop"].map((verb) => ({
    verb: verb as "stop",
    state: "planned" as const,
    at: rig.clock.wallTime(),
  }));
  const destroy = { ...handover(rig, "switchover", false), kind: "destroy" as const, generation: 2, handover: null };
  await beginOperation(leading, SERVICE, { ...destroy, steps: planned }, stop.signal);
  await rig.catalogue(makeService(), { generation: 3 });
  await rig.settle(rig.work(leading, living));
  expect(rig.effects).toEqual(["apply 256"]);
  expect((await rig.decisions())?.past.at(-1)).toMatchObject({
    kind: "destroy",
    failure: { code: "VERSION_CONFLICT" },
  });
});

function handover(rig: ControllerRig, kind: "switchover" | "failover", now: boolean): Operation {
  const from = { epoch: 7n, agent: "a", bootId: "boot-a", machineId: "machine-a", leaseMs: 3_000 };
  return {
    ...{ id: "operation-one", kind, by: "ops", reason: "kernel update", at: rig.clock.wallTime(), automatic: false },
    ...{ generation: 1, digest: null, handover: { to: null, now, from }, state: "asked", steps: [] },
  };
}

/** Applied, and held by agent a; an operator has asked for a handover. */
async function asked(rig: ControllerRig, kind: "switchover" | "failover", now = false): Promise<void> {
  await rig.catalogue(makeService());
  const living = new CrashPoint(null);
  const leading = rig.leading("controller-0", 1n, living);
  await rig.settle(rig.work(leading, living));
  await rig.holds();
  await beginOperation(leading, SERVICE, handover(rig, kind, now), stop.signal);
}

async function succeed(rig: ControllerRig): Promise<void> {
  const next = await rig.holds({ epoch: 8n, agent: "b", run: "run-of-eight", machineId: "machine-b" });
  const context = leaseContextOf(rig.context("b"), SERVICE);
  const entry = { kind: "started" as const, epoch: 8n, run: next.run, agent: "b" };
  await writeHistory(context, entry, { timeoutMs: 1_000, signal: stop.signal });
}

test("a switchover asks once and ends with the next run, whenever the controller dies", async () => {
  await eachCrash(
    async (rig) => {
      await asked(rig, "switchover");
      void (async () => {
        const look = () => readHandover(rig.context("a"), SERVICE, 7n, stop.signal);
        while ((await look()) === undefined) await rig.clock.sleep(100);
        await rig.clock.sleep(500);
        await rig.holds({ state: { kind: "released" } });
        await rig.clock.sleep(500);
        await succeed(rig);
      })();
    },
    async (rig, after) => {
      const entry = await rig.server.connect().get(storePaths.handover(SERVICE), { timeoutMs: 1_000 });
      const wish = handoverRecordFormat.parse(entry?.data ?? new Uint8Array());
      expect(entry?.version.number, `asked once, after ${after} effects`).toBe(0);
      expect(wish).toMatchObject({ epoch: 7n, by: "ops" });
      expect((await rig.decisions())?.past.at(-1)).toMatchObject({
        ...{ kind: "switchover", state: "done" },
        note: expect.stringContaining("epoch 7 on a → epoch 8 on b"),
      });
    },
  );
});

test("a failover fences the holder once, whenever the controller dies", async () => {
  await eachCrash(
    async (rig) => {
      await asked(rig, "failover", true);
      void (async () => {
        while (!rig.strategy.calls.includes("fence")) await rig.clock.sleep(100);
        await rig.clock.sleep(5_000);
        await succeed(rig);
      })();
    },
    async (rig, after) => {
      // A fence whose receipt was not written down yet has to be asked for again: the call is idempotent by contract.
      const fences = rig.strategy.calls.filter((verb) => verb === "fence").length;
      expect(fences, `after ${after} effects`).toBeLessThanOrEqual(2);
      expect((await rig.decisions())?.past.at(-1)).toMatchObject({ kind: "failover", state: "done" });
      expect(await rig.server.connect().get(storePaths.quarantine(SERVICE, "a"), { timeoutMs: 1_000 })).toBeDefined();
    },
  );
});

test("a pause lets the step that has begun end, and begins no other until it is over", async () => {
  const rig = new ControllerRig();
  await asked(rig, "switchover");
  const pause = async (forMs: number) => {
    const [since, until] = [0, forMs].map((ms) => new Date(Date.parse(rig.clock.wallTime()) + ms).toISOString());
    const record = { v: 1 as const, pause: { owner: "ops", reason: "", since: since ?? "", until: until ?? "" } };
    await rig.write(storePaths.pause(SERVICE), pauseRecordFormat.serialize(record));
  };
  const holder = (async () => {
    while ((await readHandover(rig.context("a"), SERVICE, 7n, stop.signal)) === undefined) await rig.clock.sleep(50);
    await pause(3_600_000);
    await rig.holds({ state: { kind: "released" } });
  })();
  const living = new CrashPoint(null);
  const leading = rig.leading("controller-1", 1n);
  await rig.settle(Promise.all([rig.work(leading, living), holder]));
  const steps = (await rig.decisions())?.current?.steps.map(({ verb, state }) => `${verb} ${state}`) ?? [];
  expect(steps[0]).toBe("ask done");
  expect(steps).not.toContain("await-grant started");
  await succeed(rig);
  await pause(-1);
  await rig.settle(rig.work(leading, living));
  expect((await rig.decisions())?.past.at(-1)).toMatchObject({ kind: "switchover", state: "done" });
});

test("two controllers at once do nothing twice, and the older one writes nothing after the newer one", async () => {
  const rig = new ControllerRig();
  await rig.catalogue(makeService());
  const older = rig.leading("controller-1", 1n);
  const newer = rig.leading("controller-2", 2n);
  const living = new CrashPoint(null);
  await rig.settle(rig.work(newer, living));
  await rig.catalogue(makeService({ memMiB: 512 }), { generation: 2 });
  await expect(rig.settle(rig.work(older, living))).rejects.toMatchObject({ code: "STALE_EPOCH" });
  expect(rig.effects).toEqual(["apply 256"]);
  await rig.settle(rig.work(newer, living));
  expect(rig.effects).toEqual(["apply 256", "apply 512"]);
  expect(await rig.decisions()).toMatchObject({ leader: 2n, applied: { generation: 2 } });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DefinitionDiff } from "../orchestrator.js";
import type { DecisionsRecord } from "../records/decisions.js";
import { closeOperation, openOperation } from "./decisions.js";
import { planReconcile, type ReconcilePlan } from "./plan.js";
import { at, catalogue, decisions, lease, NOW_MS, operation, past, seen, task, world } from "./world.fixture.js";
import { DEFAULT_RECONCILE_LIMITS, type ServiceWorld } from "./world.js";

const pause = { owner: "ops", reason: "kernel update", since: at(1_000), until: at(-60_000) };

describe("a service that should run", () => {
  test("is settled when the orchestrator has its definition", () => {
    expect(planReconcile(world())).toMatchObject({ kind: "settled" });
  });

  test.each(["create", "start", "scale", "restart", "stop"] as const)("is applied where that would %s", (effect) => {
    const plan = planReconcile(world({ place: seen(effect) }));
    expect(plan).toMatchObject({ kind: "act", operation: "reconcile", steps: ["apply"], digest: "d2" });
  });

  test("is applied when it is suspended, though the definitions are equal", () => {
    const plan = planReconcile(world({ place: seen("none", { suspended: true, tasks: [] }) }));
    expect(plan).toMatchObject({ kind: "act", steps: ["apply"], why: "it is stopped and should run" });
  });

  test.each(["create", "start", "scale", "restart", "stop"] as const)(
    "is not touched while a task cannot be reached, though it would %s",
    (effect) => {
      const tasks = [task(), task({ id: "task-2", agent: "b", state: "unreachable" })];
      const plan = planReconcile(world({ place: seen(effect, { tasks }) }));
      expect(plan).toMatchObject({
        kind: "wait",
        code: "UNREACHABLE_TASK",
        why: expect.stringContaining("task-2 on b"),
      });
    },
  );

  test("waits with a reason where nothing can be done", () => {
    const { observed } = seen("none");
    const waits = { kind: "waits", code: "NO_CAPACITY", why: "no agent has the data" } as const;
    const table: [Partial<ServiceWorld>, string][] = [
      [{ place: { kind: "silent", why: "no answer" } }, "ORCHESTRATOR_SILENT"],
      [{ place: { kind: "seen", observed, target: waits } }, "NOT_PLACED"],
      [{ place: seen("refused") }, "REFUSED"],
      [{ lease: lease({ state: { kind: "destroyed" } }), place: seen("create") }, "LEASE_DESTROYED"],
      [{ pause, place: seen("restart") }, "PAUSED"],
    ];
    for (const [overrides, code] of table) {
      const plan = planReconcile(world(overrides));
      expect(plan).toMatchObject({ kind: "wait", code });
      expect(plan.kind === "wait" && plan.next !== "" && plan.why !== "").toBe(true);
    }
  });

  test("counts what an operator applied as asked for, and a difference found later as automatic", () => {
    const automatic = (overrides: Partial<ServiceWorld>) => {
      const plan = planReconcile(world({ place: seen("restart"), ...overrides }));
      return plan.kind === "act" ? plan.automatic : undefined;
    };
    expect(automatic({ decisions: null })).toBe(false);
    expect(automatic({ decisions: { ...decisions, applied: { generation: 1, digest: "d1", at: at(0) } } })).toBe(false);
    expect(automatic({})).toBe(true);
  });
});

describe("a service that is to be destroyed", () => {
  const gone = { ...catalogue, desired: "destroyed" as const };

  test("is stopped, released and then given a tombstone, in that order", () => {
    const plan = planReconcile(world({ catalogue: gone }));
    expect(plan).toMatchObject({ operation: "destroy", steps: ["stop", "await-release", "tombstone"], digest: null });
  });

  test("leaves out what is so already", () => {
    const stopped = seen("none", { suspended: true, tasks: [] });
    expect(planReconcile(world({ catalogue: gone, place: stopped }))).toMatchObject({
      steps: ["await-release", "tombstone"],
    });
    const tombstone = lease({ state: { kind: "destroyed" } });
    expect(planReconcile(world({ catalogue: gone, lease: tombstone }))).toMatchObject({ steps: ["stop"] });
    expect(planReconcile(world({ catalogue: gone, lease: null, place: stopped }))).toMatchObject({ kind: "settled" });
    expect(planReconcile(world({ catalogue: gone, lease: tombstone, place: stopped }))).toMatchObject({
      kind: "settled",
    });
  });

  test("waits for an orchestrator that does not answer: nobody knows what runs", () => {
    const place = { kind: "silent", why: "no answer" } as const;
    expect(planReconcile(world({ catalogue: gone, place }))).toMatchObject({ code: "ORCHESTRATOR_SILENT" });
  });
});

describe("what was begun", () => {
  test("is gone on with before anything else", () => {
    const current = operation();
    const plan = planReconcile(world({ decisions: { ...decisions, current }, place: seen("restart") }));
    expect(plan).toEqual({ kind: "resume", operation: current });
  });

  test("waits while it is paused", () => {
    const plan = planReconcile(world({ decisions: { ...decisions, current: operation() }, pause }));
    expect(plan).toMatchObject({ kind: "wait", code: "PAUSED", untilMs: Date.parse(pause.until) });
  });
});

describe("repetition", () => {
  const failure = { code: "BUSY", message: "locked", hint: "Wait." };
  const failed = (agoMs: number) => past(agoMs, { state: "failed", automatic: false, failure });
  const plan = (list: DecisionsRecord["past"], overrides: Partial<DecisionsRecord> = {}) =>
    planReconcile(world({ decisions: { ...decisions, ...overrides, past: list }, place: seen("restart") }));

  test("after a failure is later each time", () => {
    expect(plan([failed(4_000)])).toMatchObject({ code: "RETRY_LATER", untilMs: NOW_MS + 1_000, next: "Wait." });
    expect(plan([failed(5_000)])).toMatchObject({ kind: "act" });
    expect(plan([failed(20_000), failed(9_000)])).toMatchObject({ code: "RETRY_LATER", untilMs: NOW_MS + 1_000 });
    const many = Array.from({ length: 12 }, (_, index) => failed(13_000 - index * 1_000));
    expect(plan(many)).toMatchObject({ untilMs: NOW_MS - 2_000 + DEFAULT_RECONCILE_LIMITS.retryMsMax });
  });

  test("begins anew with the next generation and after a success", () => {
    expect(plan([past(1_000, { state: "failed", generation: 1, failure })])).toMatchObject({ kind: "act" });
    expect(plan([failed(9_000), past(1_000)])).toMatchObject({ kind: "act" });
  });

  test("of corrections ends with a person, who may say that it is all right", () => {
    const three = [past(300_000), past(200_000), past(100_000)];
    expect(plan(three)).toMatchObject({ code: "FLAPPING", untilMs: NOW_MS + 300_000 });
    expect(plan(three.slice(1))).toMatchObject({ kind: "act" });
    const acknowledged = { by: "ops", at: at(50_000), note: "seen" };
    expect(plan(three, { acknowledged })).toMatchObject({ kind: "act" });
    expect(plan([...three, failed(4_000)], { acknowledged: { ...acknowledged, at: at(1_000) } }).kind).toBe("act");
  });

  test("does not hold back what an operator asks for", () => {
    const three = [past(300_000), past(200_000), past(100_000)];
    expect(plan(three, { applied: { generation: 1, digest: "d1", at: at(400_000) } })).toMatchObject({ kind: "act" });
  });

  test("is not held for ever by a clock that was set back", () => {
    const ahead = -365 * 24 * 3_600_000;
    const held = plan([past(ahead), past(ahead), past(ahead)]);
    expect(held).toMatchObject({ code: "FLAPPING", untilMs: NOW_MS + DEFAULT_RECONCILE_LIMITS.windowMs });
    expect(plan([failed(ahead)])).toMatchObject({ code: "RETRY_LATER", untilMs: NOW_MS + 5_000 });
  });
});

const effects: DefinitionDiff["effect"][] = ["none", "create", "start", "stop", "scale", "restart", "refused"];
const states = ["staging", "running", "unreachable", "killing", "finished", "failed", "lost"] as const;
const leaseStates = ["held", "vacant", "released", "destroyed"] as const;
const worlds: fc.Arbitrary<ServiceWorld> = fc
  .record({
    desired: fc.constantFrom("running" as const, "destroyed" as const),
    effect: fc.constantFrom(...effects),
    suspended: fc.boolean(),
    silent: fc.boolean(),
    tasks: fc.array(fc.constantFrom(...states), { maxLength: 3 }),
    leaseState: fc.option(fc.constantFrom(...leaseStates)),
    paused: fc.option(fc.integer({ min: -100_000, max: 100_000 })),
    busy: fc.boolean(),
    applied: fc.option(fc.integer({ min: 1, max: 2 })),
    ended: fc.array(fc.tuple(fc.integer({ min: -10_000, max: 900_000 }), fc.boolean(), fc.boolean()), { maxLength: 6 }),
  })
  .map((of) => {
    const tasks = of.tasks.map((state, index) => task({ id: `task-${index}`, state }));
    return world({
      catalogue: { ...catalogue, desired: of.desired },
      place: of.silent ? { kind: "silent", why: "no answer" } : seen(of.effect, { suspended: of.suspended, tasks }),
      lease: of.leaseState === null ? null : lease({ state: { kind: of.leaseState } }),
      pause: of.paused === null ? null : pause,
      decisions: {
        ...decisions,
        current: of.busy ? operation() : null,
        applied: of.applied === null ? null : { generation: of.applied, digest: "d", at: at(0) },
        past: of.ended.map(([agoMs, automatic, done]) => past(agoMs, { automatic, state: done ? "done" : "failed" })),
      },
    });
  });

describe("for every world", () => {
  const always = (name: string, check: (world: ServiceWorld, plan: ReconcilePlan) => void) =>
    test(name, () =>
      fc.assert(
        fc.property(worlds, (of) => check(of, planReconcile(of))),
        { numRuns: 3_000 },
      ),
    );

  always("equal worlds give equal plans, and a plan is plain data", (of, plan) => {
    expect(planReconcile(structuredClone(of))).toEqual(plan);
    expect(structuredClone(plan)).toEqual(plan);
  });
  always("nothing is begun while it is paused, busy, or the orchestrator is silent", (of, plan) => {
    if (of.pause !== null || of.decisions?.current != null || of.place.kind === "silent") {
      expect(plan.kind).not.toBe("act");
    }
  });
  always("no definition is applied over a task that cannot be reached", (of, plan) => {
    const tasks = of.place.kind === "seen" ? of.place.observed.tasks : [];
    if (tasks.some(({ state }) => state === "unreachable")) {
      expect(plan.kind === "act" && plan.steps.includes("apply")).toBe(false);
    }
  });
  always("a tombstone comes last, after the release; and only where it is to be destroyed", (_, plan) => {
    if (plan.kind !== "act" || !plan.steps.includes("tombstone")) return;
    expect(plan.operation).toBe("destroy");
    expect(plan.steps.slice(-2)).toEqual(["await-release", "tombstone"]);
  });
  always("a service that is to be destroyed is never applied, one that should run never stopped", (of, plan) => {
    if (plan.kind !== "act") return;
    expect(plan.steps.includes("apply")).toBe(of.catalogue.desired === "running");
    expect(plan.steps.length).toBeGreaterThan(0);
  });
  always("a wait says why and what to do, and one with a time ends after now", (of, plan) => {
    if (plan.kind !== "wait") return;
    expect(plan.why.length).toBeGreaterThan(0);
    expect(plan.next.length).toBeGreaterThan(0);
    if (plan.code !== "PAUSED" && plan.untilMs !== null) expect(plan.untilMs).toBeGreaterThan(of.nowMs);
  });
});

test("whoever changes it back each time gets so many corrections in a window and no more", () => {
  const { windowMs, automaticMax } = DEFAULT_RECONCILE_LIMITS;
  const steps = fc.array(fc.integer({ min: 1_000, max: 120_000 }), { minLength: 20, maxLength: 60 });
  fc.assert(
    fc.property(steps, (pauses) => {
      let record = decisions;
      let nowMs = NOW_MS;
      const acted: number[] = [];
      for (const ms of pauses) {
        nowMs += ms;
        const plan = planReconcile(world({ decisions: record, place: seen("restart"), nowMs }));
        if (plan.kind !== "act") continue;
        acted.push(nowMs);
        const now = new Date(nowMs).toISOString();
        const own = operation({ id: `operation-${nowMs}`, at: now, automatic: plan.automatic });
        record = closeOperation(openOperation(record, "orders-db", own), own.id, 1n, { at: now });
      }
      for (const begin of acted) {
        const within = acted.filter((ms) => ms >= begin && ms < begin + windowMs);
        expect(within.length).toBeLessThanOrEqual(automaticMax);
      }
      expect(acted.length).toBeGreaterThanOrEqual(Math.min(automaticMax, pauses.length));
    }),
  );
});

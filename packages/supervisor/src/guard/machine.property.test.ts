import fc from "fast-check";
import { expect, test } from "vitest";
import { baseConfig } from "../../test/support/config.js";
import { mountTable, VOLUME_PATH, World } from "../../test/support/world.js";
import type { GuardConfig } from "./config.js";

/**
 * A guard in a world that answers, answers late, answers twice, lies, stops and dies in any order, judged by
 * `test/support/judge.ts`, which knows what must never happen and keeps its own books.
 */
const volume = { path: VOLUME_PATH, mustBeMounted: true, checkMs: 400, timeoutMs: 300 };
const replicating = { kind: "promote-demote", promote: "promote", demote: "demote" } as const;

const configs: fc.Arbitrary<GuardConfig> = fc
  .record({
    volume: fc.constantFrom(null, volume),
    policy: fc.constantFrom({ kind: "start-kill" } as const, { kind: "start-kill" } as const, replicating),
    claimWaitMs: fc.constantFrom(null, 0, 700),
  })
  .map((choice) => ({ ...baseConfig, attachTimeoutMs: 4_000, ...choice }));

type Act = (world: World) => void;
const small = fc.integer({ min: 0, max: 120 });
const act = (name: string, run: Act): Act => Object.assign(run, { toString: () => name });

const calm = act("calm", (world) => {
  world.settle();
  world.pass(10);
});

const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(calm) },
  {
    weight: 12,
    arbitrary: fc
      .constantFrom("lock", "init", "child")
      .map((c) => act(`deliver ${c}`, (w) => void w.deliverNext(c as "lock"))),
  },
  { weight: 8, arbitrary: small.map((ms) => act(`pass ${ms}`, (w) => w.pass(ms))) },
  { weight: 3, arbitrary: fc.integer({ min: 100, max: 2_500 }).map((ms) => act(`pass ${ms}`, (w) => w.pass(ms))) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 4_000 }).map((ms) => act(`stall ${ms}`, (w) => w.stall(ms))) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 4_000 }).map((ms) => act(`suspend ${ms}`, (w) => w.pass(0, ms))) },
  { weight: 3, arbitrary: fc.nat().map((n) => act(`again ${n}`, (w) => replay(w, n, 0))) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(), fc.integer({ min: -3_000, max: 3_000 }))
      .map(([n, ms]) => act(`forged ${n} ${ms}`, (w) => replay(w, n, ms))),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGCONT")
      .map((signal) => act(signal, (w) => w.deliver({ type: "signal", signal: signal as "SIGTERM" }))),
  },
  { weight: 1, arbitrary: fc.constant(act("lock dies", (w) => w.lockDies())) },
  { weight: 1, arbitrary: fc.boolean().map((s) => act(`lock stopped ${s}`, (w) => w.stopLock(s))) },
  { weight: 1, arbitrary: fc.constant(act("init dies", (w) => w.initDies())) },
  { weight: 1, arbitrary: fc.boolean().map((s) => act(`init stopped ${s}`, (w) => w.stopInit(s))) },
  { weight: 1, arbitrary: fc.nat(3).map((code) => act(`exit ${code}`, (w) => w.applicationExits(code))) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("LEASE_LOST", "RECORD_MISSING")
      .map((code) => act(code, (w) => w.say({ type: "lost", code, message: "lost", hint: "" }))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom({}, { readOnly: true }, { device: "0:45" }).map((mount) =>
      act(`mount ${JSON.stringify(mount)}`, (w) => {
        w.mounts = mountTable({ fsType: w.fsType, ...mount });
      }),
    ),
  },
);

/** Something that was heard before, as it was, or with a stamp moved: only exact and newer ones may count. */
function replay(world: World, pick: number, shiftMs: number): void {
  const heard = world.delivered.filter(
    (event) => event.type === "lock-message" || event.type === "init" || event.type === "step-ended",
  );
  const event = heard[pick % Math.max(1, heard.length)];
  if (event === undefined) return;
  if (shiftMs === 0) return world.deliver(event);
  if (event.type !== "lock-message" || event.message.type !== "confirmed") return;
  const { n } = event.message;
  const stamp = { monoMs: world.now.monoMs + Math.max(0, shiftMs), bootMs: world.now.bootMs + Math.max(0, shiftMs) };
  // A stamp from the future, a renewal that was never asked for, or another grant's: true of nothing that was sent.
  const lie = shiftMs > 0 ? {} : shiftMs % 2 === 0 ? { n: n + 1_000 } : { epoch: "8" };
  world.deliver({ ...event, generation: world.state.lock.generation, message: { ...event.message, ...lie, stamp } });
}

test("nothing that must never happen happens, in any order of events, and every run ends", { timeout: 600_000 }, () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(
      configs,
      fc.constantFrom("ext4", "nfs4"),
      fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(1_000)), { minLength: 1, maxLength: 40 }),
      fc.nat(8),
      fc.array(acts, { maxLength: 150, size: "max" }),
      (config, fsType, choices, calmTimes, sequence) => {
        const world = new World(config, choices, fsType);
        // So that a good part of all runs gets as far as to have something to lose.
        for (let time = 0; time < calmTimes; time++) calm(world);
        for (const step of sequence) {
          if (world.outcome === undefined) step(world);
          seen.set(world.state.phase, (seen.get(world.state.phase) ?? 0) + 1);
        }
        // Whatever the state, one stop signal and time enough end it.
        world.stopInit(false);
        for (let round = 0; round < 40 && world.outcome === undefined; round++) {
          world.settle();
          world.deliver({ type: "signal", signal: "SIGTERM" });
          world.pass(500);
        }
        expect(world.outcome, world.state.phase).toBeDefined();
        expect(world.state.timers).toEqual({});
      },
    ),
    { numRuns: Number(process.env.HOLDFAST_PROPERTY_RUNS ?? 1_500) },
  );
  // The search reached every part of a run's life, or it proved nothing about it.
  for (const phase of [
    "starting",
    "candidate",
    "preparing",
    "waiting-for-claim",
    "running",
    "stopping",
    "demoting",
    "killing",
    "settling",
    "releasing",
    "leaving",
    "ended",
  ]) {
    expect(seen.get(phase) ?? 0, phase).toBeGreaterThan(0);
  }
});

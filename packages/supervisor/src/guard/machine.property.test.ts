import fc from "fast-check";
import { expect, test } from "vitest";
import { baseConfig, storageConfig } from "../../test/support/config.js";
import { mountTable, VOLUME_PATH } from "../../test/support/simulated-volume.js";
import { CHANNELS, World } from "../../test/support/world.js";
import type { GuardStorage, StorageToGuard } from "../storage-protocol.js";
import type { GuardConfig } from "./config.js";

/**
 * A guard in a world that answers, answers late, answers twice, lies, stops and dies in any order, judged by
 * `test/support/judge.ts`, which knows what must never happen and keeps its own books.
 */
const volume = { path: VOLUME_PATH, mustBeMounted: true, checkMs: 400, timeoutMs: 300 };
const replicating = { kind: "promote-demote", promote: "promote", demote: "demote" } as const;

const strategies: fc.Arbitrary<GuardStorage> = fc
  .record({
    mounts: fc.boolean(),
    cut: fc.constantFrom("local", "with-tree", "after-sync"),
    claimFenceMs: fc.constantFrom(null, 150),
    initialise: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  })
  .map((choice) => ({ ...storageConfig, ...choice }));

const plain = fc
  .record({
    volume: fc.constantFrom(null, volume),
    policy: fc.constantFrom({ kind: "start-kill" } as const, { kind: "start-kill" } as const, replicating),
    claimWaitMs: fc.constantFrom(null, 0, 700),
    storage: fc.constant(null),
  })
  .map((choice) => ({ ...baseConfig, attachTimeoutMs: 4_000, ...choice }));

const configs: fc.Arbitrary<GuardConfig> = fc.oneof(
  plain,
  fc
    .tuple(plain, strategies)
    .map(([config, storage]) => ({ ...config, storage, volume, policy: { kind: "start-kill" } as const })),
);

/** True at some moments and lies at others. */
const unasked: readonly StorageToGuard[] = [
  { type: "up", fenced: "9" },
  { type: "down", clean: true, why: "unmounted" },
  { type: "down", clean: false, why: "busy" },
  { type: "failed", code: "INTERNAL", message: "It broke.", hint: "" },
  { type: "claim-fenced", epoch: "6" },
  { type: "progress", done: 1, total: 2, what: "check" },
];

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
      .constantFrom(...CHANNELS)
      .map((channel) => act(`deliver ${channel}`, (w) => void w.deliverNext(channel))),
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
  {
    weight: 1,
    arbitrary: fc.constantFrom("application", "volumes").map((what) => act(`${what} hang`, (w) => hang(w, what))),
  },
  { weight: 1, arbitrary: fc.constant(act("storage dies", (w) => w.storage?.dies())) },
  { weight: 1, arbitrary: fc.boolean().map((s) => act(`storage stopped ${s}`, (w) => w.storage?.stop(s))) },
  { weight: 1, arbitrary: fc.constant(act("storage process exits", (w) => w.storage?.processExits())) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...unasked).map((m) => act(`storage says ${m.type}`, (w) => w.storage?.says(m))),
  },
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

/** In the kernel, where SIGKILL does not end it. */
function hang(world: World, what: "application" | "volumes"): void {
  if (what === "application") world.unkillable = true;
  else if (world.storage !== undefined) world.storage.unkillable = true;
}

/** Something that was heard before, as it was, or with a stamp moved: only exact and newer ones may count. */
function replay(world: World, pick: number, shiftMs: number): void {
  const heard = world.delivered.filter(({ type }) =>
    ["lock-message", "init", "step-ended", "storage-init", "storage-message"].includes(type),
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
  const saw = (part: string) => void seen.set(part, (seen.get(part) ?? 0) + 1);
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
          saw(world.state.phase);
          if (world.state.storage.kind === "present") saw(world.state.storage.stage);
        }
        // Whatever the state, one stop signal and time enough end it.
        world.stopInit(false);
        world.storage?.stop(false);
        for (let round = 0; round < 40 && world.outcome === undefined; round++) {
          world.settle();
          world.deliver({ type: "signal", signal: "SIGTERM" });
          world.pass(500);
        }
        expect(world.outcome, world.state.phase).toBeDefined();
        expect(world.state.timers).toEqual({});
      },
    ),
    { numRuns: Number(process.env.HOLDFAST_PROPERTY_RUNS ?? 2_500) },
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
    ...["idle", "working", "up", "down", "deserted", "killed"],
  ]) {
    expect(seen.get(phase) ?? 0, phase).toBeGreaterThan(0);
  }
});

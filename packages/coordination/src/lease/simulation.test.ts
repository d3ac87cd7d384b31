import {
  addMs,
  type Clock,
  cutDeadline,
  DEFAULT_LEASE_COSTS,
  hasCode,
  type Instant,
  isReached,
  timeBudget,
} from "@holdfast/core";
import type { FakeClock } from "@holdfast/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Acquired } from "./acquire.js";
import type { HeldLease } from "./held-lease.js";
import { writeHistory } from "./history-log.js";
import { createRig, LEASE, type Rig, TIMING } from "./lease-rig.fixture.js";

/**
 * The real acquire, renew and release against a store with lost requests, lost replies, writes applied late, stale
 * reads and outages, on clocks that run up to 1/12 too fast or too slow, with runs that stop for a while or for ever.
 * An application counts as alive from the grant until its own clock reaches the cut deadline of the last *confirmed*
 * stamp, plus the time to kill it: that is what guard and kernel enforce, whatever happens to the run's processes.
 */
const KILL_MS = DEFAULT_LEASE_COSTS.killMs;

interface Application {
  readonly name: string;
  readonly epoch: bigint;
  readonly clock: Clock;
  deadline: Instant;
  ended: boolean;
}

/** A machine's own clock: `rate` of the true one, with its own origin. */
function driftingClock(base: FakeClock, rate: number): Clock {
  const now = () => ({ monoMs: base.now().monoMs * rate, bootMs: base.now().bootMs * rate });
  return { now, wallTime: base.wallTime, sleep: (ms, signal) => base.sleep(ms / rate, signal) };
}

class Simulation {
  readonly applications: Application[] = [];
  readonly violations: string[] = [];
  takeovers = 0;
  readonly #rig: Rig;
  readonly #random: () => number;

  constructor(rig: Rig, random: () => number) {
    this.#rig = rig;
    this.#random = random;
  }

  started(application: Application): void {
    for (const other of this.applications) {
      if (!other.ended && !isReached(addMs(other.deadline, KILL_MS), other.clock.now())) {
        this.violations.push(
          `${application.name} started under epoch ${application.epoch} while ${other.name} (epoch ${other.epoch}) lived`,
        );
      }
    }
    const last = this.applications.at(-1);
    if (last !== undefined && last.epoch >= application.epoch) {
      this.violations.push(
        `epoch ${application.epoch} of ${application.name} does not exceed ${last.epoch} of ${last.name}`,
      );
    }
    this.applications.push(application);
    this.takeovers += 1;
  }

  /** One machine: becomes a candidate, holds for a while, then releases, forgets itself or crashes; again and again. */
  async machine(name: string, stop: AbortSignal): Promise<void> {
    const clock = driftingClock(this.#rig.clock, 1 + (this.#random() * 2 - 1) * DEFAULT_LEASE_COSTS.clockRateError);
    for (let life = 0; !stop.aborted; life++) {
      const context = this.#rig.context(`${name}.${life}`, { clock });
      let acquired: Acquired;
      try {
        acquired = await this.#rig.acquire(context, { volume: null, signal: stop });
      } catch (error) {
        if (stop.aborted) return;
        // Away at start, or stale reads so many in a row that the store looks lost: the scheduler would start it again.
        if (!hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME", "STORE_LOST")) throw error;
        await clock.sleep(200, stop).catch(() => undefined);
        continue;
      }
      // The way from the lock process to the guard may take any time: the start is checked where it happens.
      await clock.sleep(this.#random() < 0.2 ? this.#random() * 4_000 : 1).catch(() => undefined);
      const deadline = cutDeadline(acquired.stamp, TIMING);
      if (isReached(deadline, clock.now())) continue;
      const application: Application = {
        name: `${name}.${life}`,
        epoch: acquired.lease.epoch,
        clock,
        deadline,
        ended: false,
      };
      this.started(application);
      const entry = { kind: "started", epoch: application.epoch, run: acquired.lease.run, agent: name } as const;
      await writeHistory(context, entry, { timeoutMs: 1_000, signal: stop }).catch((error: unknown) => {
        // The end of the simulation comes at any moment.
        if (!stop.aborted) throw error;
      });
      await this.#hold(acquired.lease, application, stop);
    }
  }

  async #hold(lease: HeldLease, application: Application, stop: AbortSignal): Promise<void> {
    const { clock } = application;
    const renewals = Math.floor(this.#random() * 20);
    for (let i = 0; i < renewals && !stop.aborted; i++) {
      const pauseMs = this.#random() < 0.05 ? this.#random() * 8_000 : TIMING.renewMs;
      await clock.sleep(pauseMs, stop).catch(() => undefined);
      if (isReached(application.deadline, clock.now())) return;
      const result = await lease.renew(application.deadline, stop);
      if (result.kind === "lost") {
        application.ended = true;
        return;
      }
      if (result.kind === "confirmed") {
        // A confirmation that arrives after the kill revives nothing.
        if (isReached(application.deadline, clock.now())) return;
        application.deadline = cutDeadline(result.stamp, TIMING);
      }
    }
    if (this.#random() < 0.5) {
      application.ended = true;
      await lease.release({ kind: "released" }, null, stop);
    }
  }

  /** What the world does to the store meanwhile. */
  async world(stop: AbortSignal): Promise<void> {
    const { server, clock } = this.#rig;
    const late: { applyLate(): boolean[] }[] = [];
    while (!stop.aborted) {
      await clock.sleep(50 + this.#random() * 600, stop).catch(() => undefined);
      const dice = this.#random();
      const target = { path: LEASE, op: "put" as const, times: 1 + Math.floor(this.#random() * 3) };
      if (dice < 0.15) server.inject(target, { kind: "lost-request" });
      else if (dice < 0.35) server.inject(target, { kind: "lost-reply" });
      else if (dice < 0.5) late.push(server.inject(target, { kind: "late" }));
      else if (dice < 0.7)
        server.inject(
          { path: LEASE, op: "get", times: 2 },
          { kind: "stale-read", versionsBehind: 1 + Math.floor(this.#random() * 3) },
        );
      else if (dice < 0.75) server.outage = !server.outage;
      else server.outage = false;
      if (this.#random() < 0.5) for (const fault of late.splice(0)) fault.applyLate();
    }
  }
}

/** mulberry32: small, seeded, good enough to choose faults. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function simulate(seed: number, machines: number, durationMs: number): Promise<Simulation> {
  const rig = createRig();
  const simulation = new Simulation(rig, seeded(seed));
  const stop = new AbortController();
  const all = [
    simulation.world(stop.signal),
    ...Array.from({ length: machines }, (_, i) => simulation.machine(`m${i}`, stop.signal)),
  ];
  for (let ms = 0; ms < durationMs; ms += 100) await rig.clock.advance(100);
  stop.abort();
  rig.server.outage = false;
  await rig.clock.advance(20_000);
  await Promise.all(all);
  return simulation;
}

test("the numbers used here satisfy the budget at the clock error that is simulated", () => {
  expect(timeBudget(TIMING).problems).toEqual([]);
});

test("no two applications are ever alive and epochs grow, whatever store, clocks and pauses do", {
  timeout: 60_000,
}, async () => {
  let takeovers = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 2, max: 4 }), async (seed, machines) => {
      const simulation = await simulate(seed, machines, 60_000);
      takeovers += simulation.takeovers;
      expect(simulation.violations).toEqual([]);
    }),
    { numRuns: Number(process.env.HOLDFAST_SIMULATIONS ?? 25) },
  );
  // A simulation in which nobody ever takes over proves nothing.
  expect(takeovers).toBeGreaterThan(100);
});

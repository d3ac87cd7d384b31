import {
  type Clock,
  DEFAULT_LEASE_TIMING,
  type LeaseRecord,
  type LeaseTiming,
  leaseRecordFormat,
  storePaths,
} from "@holdfast/core";
import {
  createFakeClock,
  createFakeStoreServer,
  type FakeClock,
  type FakeStore,
  type FakeStoreServer,
  type VersionCheck,
} from "@holdfast/testkit";
import { type Acquired, type AcquireOptions, acquireLease } from "./acquire.js";
import type { LeaseContext } from "./identity.js";

/** Short numbers with the proportions of the defaults. */
export const TIMING: LeaseTiming = {
  ...DEFAULT_LEASE_TIMING,
  leaseMs: 3_000,
  renewMs: 300,
  stopBudgetMs: 500,
  marginMs: 500,
  guardMs: 500,
};
/** What a candidate waits on a held record of {@link TIMING}. */
export const CANDIDATE_WAIT_MS = 3_000 * 1.01 + 500;
export const SERVICE = "orders-db";
export const LEASE = storePaths.lease(SERVICE);

export interface Rig {
  readonly server: FakeStoreServer;
  readonly clock: FakeClock;
  context(
    name: string,
    overrides?: { readonly timing?: LeaseTiming; readonly clock?: Clock; readonly store?: FakeStore },
  ): LeaseContext & { readonly store: FakeStore };
  /** Acquires with the defaults of a marked volume that never ran. */
  acquire(context: LeaseContext, overrides?: Partial<AcquireOptions>): Promise<Acquired>;
  read(): Promise<LeaseRecord>;
  write(record: LeaseRecord): Promise<void>;
}

/** A store in memory and a clock that stands still, for runs of one service. */
export function createRig(options: { readonly versionCheck?: VersionCheck } = {}): Rig {
  const server = createFakeStoreServer(options);
  const clock = createFakeClock();
  const observer = server.connect("observer");
  const call = { timeoutMs: 1_000 };
  return {
    server,
    clock,
    context: (name, overrides = {}) => ({
      store: overrides.store ?? server.connect(name),
      paths: { lease: LEASE, history: storePaths.history(SERVICE), queue: storePaths.queue(SERVICE) },
      identity: {
        service: SERVICE,
        agent: name,
        machineId: "machine-of-all",
        bootId: "boot-1",
        host: name,
        pid: 1,
        task: null,
      },
      timing: overrides.timing ?? TIMING,
      clock: overrides.clock ?? clock,
    }),
    acquire: (context, overrides = {}) =>
      acquireLease(context, {
        volume: { epoch: null, leaseMs: null },
        firstRun: false,
        leaseMsMax: TIMING.leaseMs,
        wait: { kind: "wait", limitMs: null },
        signal: new AbortController().signal,
        ...overrides,
      }),
    async read() {
      const entry = await observer.get(LEASE, call);
      if (entry === undefined) throw new Error("there is no lease record");
      return leaseRecordFormat.parse(entry.data);
    },
    async write(record) {
      const entry = await observer.get(LEASE, call);
      const data = leaseRecordFormat.serialize(record);
      if (entry === undefined) await observer.create(LEASE, data, call);
      else await observer.put(LEASE, data, entry.version, call);
    },
  };
}

export function record(overrides: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    v: 1,
    service: SERVICE,
    epoch: 7n,
    run: "run-of-somebody",
    attempt: { nonce: "nonce-of-somebody", n: 1 },
    agent: "agent-x",
    machineId: "machine-of-all",
    bootId: "boot-1",
    leaseMs: TIMING.leaseMs,
    state: { kind: "held" },
    pendingFence: null,
    since: "2024-01-01T00:00:00.000Z",
    holder: { host: "x", pid: 1 },
    ...overrides,
  };
}

/** Moves the clock in small steps until the promise settles; fails instead of hanging. */
export async function settleWithin<T>(
  clock: FakeClock,
  promise: Promise<T>,
  limitMs: number,
  stepMs = 10,
): Promise<{ value: T; tookMs: number }> {
  const startMs = clock.now().monoMs;
  let done: { value: T } | { error: unknown } | undefined;
  promise.then(
    (value) => {
      done = { value };
    },
    (error: unknown) => {
      done = { error };
    },
  );
  for (;;) {
    await clock.advance(0);
    if (done !== undefined) break;
    if (clock.now().monoMs - startMs > limitMs) throw new Error(`nothing was decided within ${limitMs} ms`);
    await clock.advance(stepMs);
  }
  if ("error" in done) throw done.error;
  return { value: done.value, tookMs: clock.now().monoMs - startMs };
}

/** Whether it is still undecided after the clock moved. */
export async function isPendingAfter(clock: FakeClock, promise: Promise<unknown>, ms: number): Promise<boolean> {
  let pending = true;
  promise.then(
    () => {
      pending = false;
    },
    () => {
      pending = false;
    },
  );
  await clock.advance(ms);
  return pending;
}

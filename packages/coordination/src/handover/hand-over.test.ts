import {
  DEFAULT_LEASE_TIMING,
  formerOfRecord,
  type LeaseRecord,
  leaseRecordFormat,
  requestRecordFormat,
  storePaths,
} from "@holdfast/core";
import { createFakeClock, createFakeOp, createFakeStorageStrategy, createFakeStoreServer } from "@holdfast/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import { writeHistory } from "../lease/history-log.js";
import type { LeaseContext } from "../lease/identity.js";
import { driveRequest } from "../request/drive.js";
import { type HandOverOptions, handOver } from "./hand-over.js";
import { awaitHandover, readHandover } from "./handover.js";

/** The holder and its successor are played on a store in memory; the clock moves only when everybody waits. */
const SERVICE = "orders-db";
const CALL = { timeoutMs: 1_000 };
const timing = { ...DEFAULT_LEASE_TIMING, leaseMs: 3_000, renewMs: 300, stopBudgetMs: 1_000, marginMs: 500 };
const volume = { service: SERVICE, role: "data", mountPath: "/srv/data", diskMiB: null, options: {} };

let server: ReturnType<typeof createFakeStoreServer>;
let clock: ReturnType<typeof createFakeClock>;
let strategy: ReturnType<typeof createFakeStorageStrategy>;
let news: string[];
const stop = new AbortController();

function context(name: string): LeaseContext {
  const store = server.connect(name);
  const paths = {
    lease: storePaths.lease(SERVICE),
    history: storePaths.history(SERVICE),
    queue: storePaths.queue(SERVICE),
  };
  const machine = { machineId: `machine-${name}`, bootId: `boot-${name}`, host: name, pid: 1, task: null };
  return { store, paths, timing, clock, identity: { service: SERVICE, agent: name, ...machine } };
}

const record = (epoch: bigint, agent: string, state: LeaseRecord["state"] = { kind: "held" }): LeaseRecord => ({
  ...{ v: 1, service: SERVICE, epoch, run: `run-of-epoch-${epoch}`, attempt: { nonce: "nonce-of-run", n: 1 }, agent },
  ...{ machineId: `machine-${agent}`, bootId: `boot-${agent}`, leaseMs: timing.leaseMs, state, pendingFence: null },
  ...{ since: "2024-01-01T00:00:00.000Z", holder: { host: agent, pid: 1 } },
});

async function write(next: LeaseRecord): Promise<void> {
  const store = server.connect();
  const data = leaseRecordFormat.serialize(next);
  const entry = await store.get(storePaths.lease(SERVICE), CALL);
  if (entry === undefined) await store.create(storePaths.lease(SERVICE), data, CALL);
  else await store.put(storePaths.lease(SERVICE), data, entry.version, CALL);
}

/** Wins epoch 8, has its storage attached, and starts. */
async function succeed(taken: LeaseRecord): Promise<void> {
  const self = context("b");
  const next = record(8n, "b");
  await write(next);
  const grant = { service: SERVICE, epoch: 8n, run: next.run, agent: "b", signal: stop.signal };
  const volumes = [{ strategy, volume }];
  const op = createFakeOp();
  await driveRequest(self, { volumes, grant, former: formerOfRecord(taken), op, by: "b", limitMs: 10_000 });
  const entry = { kind: "started" as const, epoch: 8n, run: next.run, agent: "b" };
  await writeHistory(self, entry, { ...CALL, signal: stop.signal });
}

/** Stops when asked, releases after a second; the successor waits for that. */
async function obedient(): Promise<void> {
  await awaitHandover(context("a"), SERVICE, 7n, stop.signal);
  await clock.sleep(1_000);
  const released = record(7n, "a", { kind: "released" });
  await write(released);
  await clock.sleep(200);
  await succeed(released);
}

const options = (overrides: Partial<HandOverOptions> = {}): HandOverOptions => ({
  ...{ kind: "switchover", to: "b", by: "ops", reason: "kernel update", now: false, startLimitMs: 5_000, timing },
  ...{ volumes: [{ strategy, volume }], op: createFakeOp(), signal: stop.signal },
  onNews: (line) => void news.push(line),
  ...overrides,
});

/** Moves the clock until it settles; what else happens meanwhile must not fail unseen. */
async function settle<T>(promise: Promise<T>, others: readonly Promise<unknown>[] = []): Promise<T> {
  let settled = false;
  const marked = promise.finally(() => {
    settled = true;
  });
  marked.catch(() => undefined); // thrown by the return below
  for (let i = 0; i < 5_000 && !settled; i++) await clock.advance(20);
  if (!settled) throw new Error("nothing was decided within 100 s");
  await Promise.all(others);
  return marked;
}

beforeEach(async () => {
  server = createFakeStoreServer();
  clock = createFakeClock();
  strategy = createFakeStorageStrategy();
  news = [];
  await write(record(7n, "a"));
});

describe("switchover", () => {
  test("ends with the next run started, nobody fenced, and says where the time went", async () => {
    const holder = obedient();
    const result = await settle(handOver(context("operator"), options()), [holder]);
    expect(result).toMatchObject({ from: { epoch: 7n, agent: "a" }, to: { epoch: 8n, agent: "b" }, released: true });
    const parts = Object.fromEntries(result.split.map(({ name, ms }) => [name, ms]));
    expect(parts.stop).toBeGreaterThanOrEqual(1_000);
    expect(parts.lease).toBeGreaterThanOrEqual(100);
    expect(parts.fence).toBe(0);
    expect(parts.total).toBe(
      ["stop", "lease", "fence", "attach", "mount and start"].reduce((sum, name) => sum + (parts[name] ?? 0), 0),
    );
    expect(strategy.calls).not.toContain("fence");
  });

  test("takes the wish back when the holder does not release, and does nothing else", async () => {
    await expect(settle(handOver(context("operator"), options()))).rejects.toMatchObject({ code: "BUSY" });
    expect(await readHandover(context("x"), SERVICE, 7n, stop.signal)).toBeUndefined();
    expect(strategy.calls).toEqual([]);
  });

  test("says that nobody is there to take over", async () => {
    const holder = (async () => {
      await awaitHandover(context("a"), SERVICE, 7n, stop.signal);
      await write(record(7n, "a", { kind: "released" }));
    })();
    const handed = handOver(context("operator"), options());
    await expect(settle(handed, [holder])).rejects.toMatchObject({ code: "WAIT_LIMIT" });
  });

  test("has nothing to do when nobody holds the lease", async () => {
    await write(record(7n, "a", { kind: "released" }));
    await expect(settle(handOver(context("operator"), options()))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("failover", () => {
  const failover = (overrides: Partial<HandOverOptions> = {}) => options({ kind: "failover", to: null, ...overrides });

  async function fencedThenTaken(): Promise<void> {
    while (!strategy.calls.includes("fence")) await clock.sleep(50);
    await clock.sleep(3_500);
    await succeed(record(7n, "a"));
  }

  test("fences a holder that does not release, with a receipt, and waits for the lease", async () => {
    const successor = fencedThenTaken();
    const startedMs = clock.now().monoMs;
    const result = await settle(handOver(context("operator"), failover()), [successor]);
    expect(clock.now().monoMs - startedMs).toBeGreaterThan(timing.stopBudgetMs + timing.marginMs);
    expect(result.released).toBe(false);
    expect(result.receipts).toMatchObject([{ agent: "a", fencedEpoch: 7n, byEpoch: 8n, role: "data" }]);
    const entry = await server.connect().get(storePaths.request(SERVICE), CALL);
    expect(requestRecordFormat.parse(entry?.data ?? new Uint8Array()).receipts).toHaveLength(1);
    expect(strategy.calls.filter((verb) => verb === "fence")).toHaveLength(1);
    expect(await server.connect().get(storePaths.quarantine(SERVICE, "a"), CALL)).toBeDefined();
  });

  test("--now does not wait for the holder", async () => {
    const successor = fencedThenTaken();
    const startedMs = clock.now().monoMs;
    const seen = (async () => {
      while (!strategy.calls.includes("fence")) await clock.sleep(10);
      return clock.now().monoMs - startedMs;
    })();
    await settle(handOver(context("operator"), failover({ now: true })), [successor]);
    expect(await seen).toBeLessThan(500);
  });

  test("fences nobody when the holder releases", async () => {
    const holder = obedient();
    const result = await settle(handOver(context("operator"), failover()), [holder]);
    expect(result).toMatchObject({ released: true, receipts: [] });
  });

  test("refuses where nothing can fence, and says what remains", async () => {
    strategy = createFakeStorageStrategy({ capabilities: { fences: false } });
    const handed = settle(handOver(context("operator"), failover({ now: true })));
    await expect(handed).rejects.toMatchObject({
      code: "UNFENCEABLE",
      hint: expect.stringContaining("3000 ms after its last renewal"),
    });
    expect(strategy.calls).toEqual([]);
  });

  test("does not fence a holder that was succeeded meanwhile", async () => {
    const handed = handOver(context("operator"), failover());
    const successor = (async () => {
      await awaitHandover(context("a"), SERVICE, 7n, stop.signal);
      await clock.sleep(1_400);
      await succeed(record(7n, "a", { kind: "released" }));
    })();
    const result = await settle(handed, [successor]);
    expect(result.receipts).toEqual([]);
    expect(strategy.calls).not.toContain("fence");
  });
});

describe("a handover that somebody else began", () => {
  const from = { epoch: 7n, agent: "a", bootId: "boot-a", machineId: "machine-a", leaseMs: timing.leaseMs };
  const journal = (steps: string[], done: readonly string[] = []): NonNullable<HandOverOptions["journal"]> => ({
    from,
    isDone: (step) => done.includes(step),
    around: async (step, action) => {
      steps.push(step);
      return action();
    },
  });

  test("is told of every step, in order", async () => {
    const steps: string[] = [];
    const holder = obedient();
    await settle(handOver(context("operator"), options({ journal: journal(steps) })), [holder]);
    expect(steps).toEqual(["ask", "await-release", "await-grant", "await-start"]);
  });

  test("goes on after the holder is over, and asks and fences nobody", async () => {
    await succeed(record(7n, "a", { kind: "released" }));
    const result = await settle(handOver(context("operator"), options({ kind: "failover", journal: journal([]) })));
    expect(result).toMatchObject({ from: { epoch: 7n }, to: { epoch: 8n, agent: "b" }, receipts: [] });
    expect(strategy.calls).not.toContain("fence");
    expect(await readHandover(context("x"), SERVICE, 8n, stop.signal)).toBeUndefined();
  });

  test("does not ask again for what was taken back", async () => {
    const steps: string[] = [];
    const handed = handOver(context("operator"), options({ journal: journal(steps, ["ask", "withdraw"]) }));
    await expect(settle(handed)).rejects.toMatchObject({ code: "BUSY" });
    expect(steps).toEqual([]);
    expect(await readHandover(context("x"), SERVICE, 7n, stop.signal)).toBeUndefined();
  });

  test("does not fence twice what the receipt shows to be fenced", async () => {
    const kill = new AbortController();
    const first = handOver(context("first"), options({ kind: "failover", now: true, signal: kill.signal }));
    first.catch(() => undefined); // it dies below
    for (let i = 0; i < 200 && !strategy.calls.includes("fence"); i++) await clock.advance(20);
    await clock.advance(100);
    kill.abort(new Error("killed"));
    await expect(first).rejects.toThrow("killed");
    const successor = (async () => {
      await clock.sleep(3_500);
      await succeed(record(7n, "a"));
    })();
    const again = options({ kind: "failover", now: true, journal: journal([], ["ask"]) });
    const result = await settle(handOver(context("second"), again), [successor]);
    expect(result.receipts).toMatchObject([{ fencedEpoch: 7n, role: "data" }]);
    expect(strategy.calls.filter((verb) => verb === "fence")).toHaveLength(1);
  });
});

import { askHandover, driveRequest, readStorageRecord } from "@holdfast/coordination";
import {
  type AgentSilence,
  type LeaseRecord,
  leaseRecordFormat,
  type Placement,
  requestRecordFormat,
  type StorageStrategy,
  storePaths,
} from "@holdfast/core";
import {
  createFakeClock,
  createFakeLogger,
  createFakeOp,
  createFakeStorageStrategy,
  createFakeStoreServer,
} from "@holdfast/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import type { AgentTask, Launch, LocalAgent } from "./agent.js";
import { createLocalOrchestrator, type LocalOrchestrator } from "./orchestrator.js";
import { type LocalStorageOptions, StoragePlacer } from "./storage.js";

const SERVICE = "orders-db";
const CALL = { timeoutMs: 1_000 };
const LOST_MS = 60_000;

let server: ReturnType<typeof createFakeStoreServer>;
let clock: ReturnType<typeof createFakeClock>;
let stop: AbortController;

beforeEach(() => {
  server = createFakeStoreServer();
  clock = createFakeClock();
  stop = new AbortController();
});

const volumeOf = (role: string) => ({
  ...{ service: SERVICE, role, mountPath: `/srv/${role}`, diskMiB: null, options: {} },
});

/** Pinned data: where it is on record, else where most would put it; restored elsewhere when that agent is gone. */
function pinned(restores = true): StorageStrategy {
  const fake = createFakeStorageStrategy({ capabilities: { movesBetweenAgents: false, fences: false } });
  return {
    ...fake,
    placement(_volume, { recorded }, agents): Placement {
      const home = recorded?.pin?.agent;
      const there = agents.filter(({ reachable }) => reachable).map(({ id }) => id);
      const [first] = there.filter((id) => id !== home);
      if (home !== undefined && there.includes(home)) return { kind: "agents", agents: [home], why: "its data" };
      if (first === undefined) return { kind: "wait", why: "nobody is there" };
      if (home === undefined) return { kind: "agents", agents: [first], why: "the first" };
      if (!restores) return { kind: "wait", why: `it waits for ${home}` };
      return { kind: "agents", agents: [first], why: `${home} is lost`, restore: true };
    },
  };
}

function storage(strategies: readonly StorageStrategy[], overrides: Partial<LocalStorageOptions> = {}) {
  const volumes = strategies.map((strategy, index) => ({ strategy, volume: volumeOf(`v${index}`) }));
  return {
    records: { store: server.connect(), clock },
    resolve: async () => ({ volumes, limitMs: 10_000, controllerSide: "controller" as const }),
    op: async (_service: string, signal: AbortSignal) => createFakeOp({ signal }),
    ...{ by: "orchestrator", agentLostMs: LOST_MS },
    ...overrides,
  } satisfies LocalStorageOptions;
}

const agent = (id: string, silentMs = 0): AgentSilence => ({ id, reachable: silentMs === 0, silentMs, spareMiB: null });
const lease = (overrides: Partial<LeaseRecord> = {}): LeaseRecord => ({
  ...{ v: 1, service: SERVICE, epoch: 3n, run: "run-of-epoch-3", attempt: { nonce: "nonce-of-run", n: 1 }, agent: "a" },
  ...{ machineId: "m", bootId: "b", leaseMs: 3_000, state: { kind: "held" }, pendingFence: null },
  ...{ since: "2024-01-01T00:00:00.000Z", holder: { host: "a", pid: 1 } },
  ...overrides,
});

async function writeLease(record: LeaseRecord): Promise<void> {
  const store = server.connect();
  const data = leaseRecordFormat.serialize(record);
  const entry = await store.get(storePaths.lease(SERVICE), CALL);
  if (entry === undefined) await store.create(storePaths.lease(SERVICE), data, CALL);
  else await store.put(storePaths.lease(SERVICE), data, entry.version, CALL);
}

const pinOf = async (role = "v0") =>
  (await readStorageRecord({ store: server.connect(), clock }, { service: SERVICE, role }, stop.signal))?.pin?.agent;

describe("placement", () => {
  const placerOf = (...strategies: StorageStrategy[]) => new StoragePlacer(storage(strategies), createFakeLogger());

  test("puts a choice that binds on record, for every volume, before anything runs by it", async () => {
    const { placement } = await placerOf(pinned(), pinned()).place(SERVICE, [agent("a"), agent("b")], stop.signal);
    expect(placement).toMatchObject({ kind: "agents", agents: ["a"] });
    expect([await pinOf("v0"), await pinOf("v1")]).toEqual(["a", "a"]);
  });

  test("keeps the pin while its agent is silent for less than the time after which it is lost", async () => {
    const placer = placerOf(pinned());
    await placer.place(SERVICE, [agent("a"), agent("b")], stop.signal);
    const { placement } = await placer.place(SERVICE, [agent("a", LOST_MS - 1), agent("b")], stop.signal);
    expect(placement).toMatchObject({ agents: ["a"] });
    expect(await pinOf()).toBe("a");
  });

  test("moves the pin of a lost agent only where the strategy restores", async () => {
    for (const [restores, expected] of [
      [false, "a"],
      [true, "b"],
    ] as const) {
      const placer = placerOf(pinned(restores));
      await placer.place(SERVICE, [agent("a"), agent("b")], stop.signal);
      const { placement } = await placer.place(SERVICE, [agent("a", LOST_MS), agent("b")], stop.signal);
      expect(placement.kind).toBe(restores ? "agents" : "wait");
      expect(await pinOf()).toBe(expected);
    }
  });

  test("does not take an agent for lost whose run renews its lease", async () => {
    const placer = placerOf(pinned());
    await writeLease(lease());
    const lost = [agent("a", 10 * LOST_MS), agent("b")];
    await placer.place(SERVICE, [agent("a"), agent("b")], stop.signal);
    await clock.advance(LOST_MS - 1);
    await writeLease(lease({ attempt: { nonce: "nonce-of-run", n: 2 } }));
    await placer.place(SERVICE, lost, stop.signal);
    await clock.advance(LOST_MS - 1);
    await placer.place(SERVICE, lost, stop.signal);
    expect(await pinOf()).toBe("a");
    await clock.advance(1);
    await placer.place(SERVICE, lost, stop.signal);
    expect(await pinOf()).toBe("b");
  });

  test("needs no answer of the storage: the run waits for it", async () => {
    const deaf = { ...pinned(), observe: () => Promise.reject(new Error("silent")) };
    const logger = createFakeLogger();
    const placer = new StoragePlacer(storage([deaf]), logger);
    expect((await placer.place(SERVICE, [agent("a")], stop.signal)).placement).toMatchObject({ agents: ["a"] });
    expect(logger.lines).toMatchObject([{ level: "warn" }]);
  });

  test("of a service that brings its own volume is free", async () => {
    const placer = new StoragePlacer(storage([], { resolve: async () => undefined }), createFakeLogger());
    expect((await placer.place(SERVICE, [agent("a")], stop.signal)).placement).toEqual({ kind: "any" });
  });
});

/** Runs what it is told; a test says what each task reports. */
class MemoryAgent implements LocalAgent {
  readonly launches: Launch[] = [];
  readonly running = new Map<string, AgentTask>();
  readonly id: string;
  cut = false;

  constructor(id: string) {
    this.id = id;
  }

  async tasks() {
    if (this.cut) throw new Error("cut off");
    return [...this.running.values()];
  }

  async launch(launch: Launch) {
    this.launches.push(launch);
    const { id, version } = launch;
    this.running.set(id, {
      ...{ id, service: SERVICE, version, state: "running", exitCode: null, signal: null, healthFailures: 0 },
      ...{ ageMs: 0, everHealthy: true, says: "serving", run: "run-of-epoch-3", epoch: "3" },
    });
  }

  async kill(task: string) {
    this.end(task);
  }

  end(task: string) {
    const entry = this.running.get(task);
    if (entry !== undefined) this.running.set(task, { ...entry, state: "ended", exitCode: 0 });
  }
}

describe("the orchestrator", () => {
  const compiled = {
    definition: {
      ...{ v: 1, id: SERVICE, instances: 1, killGraceMs: 2_000, backoff: { firstMs: 30_000 }, health: {} },
      argv: ["holdfast", "run", "-f", "/s.yaml", "--store", "dir:///s", "--wait", "--status-socket", "s"],
    },
    reasons: {},
    warnings: [],
  };
  let agents: [MemoryAgent, MemoryAgent];
  let orchestrator: LocalOrchestrator;
  let ended: Promise<void>;

  async function begin(options: LocalStorageOptions): Promise<void> {
    agents = [new MemoryAgent("a"), new MemoryAgent("b")];
    const logger = createFakeLogger();
    const own = { wrapper: ["holdfast"] as [string], store: "dir:///s", clock, logger };
    orchestrator = createLocalOrchestrator({ ...own, agents, detectMs: 500, pollMs: 50, storage: options });
    ended = orchestrator.run(stop.signal);
    await orchestrator.apply(createFakeOp(), compiled);
    await clock.advance(2_000);
  }

  async function end(): Promise<void> {
    stop.abort();
    await clock.advance(1_000);
    await ended;
  }

  const launched = () => agents.map(({ launches }) => launches.length);

  test("launches where the data is, and waits for that agent instead of starting elsewhere", async () => {
    const waits: unknown[] = [];
    await begin(storage([pinned(false)]));
    expect(launched()).toEqual([1, 0]);
    const listening = (async () => {
      for await (const { detail } of orchestrator.events(createFakeOp({ signal: stop.signal }))) {
        if (typeof detail.waitsFor === "string") waits.push(detail.waitsFor);
      }
    })();
    agents[0].cut = true;
    agents[0].running.clear();
    await clock.advance(LOST_MS + 2_000);
    expect(launched()).toEqual([1, 0]);
    expect(waits.at(-1)).toContain("it waits for a");
    agents[0].cut = false;
    await clock.advance(2_000);
    expect(launched()).toEqual([2, 0]);
    await end();
    await listening;
  });

  test("is the controller side for the run that asks", async () => {
    const strategy = createFakeStorageStrategy();
    await begin(storage([strategy]));
    await writeLease(lease());
    const store = server.connect();
    const asked = {
      v: 1 as const,
      service: SERVICE,
      epoch: 3n,
      run: "run-of-epoch-3",
      agent: "a",
      state: "asked" as const,
    };
    const request = requestRecordFormat.serialize({ ...asked, former: [], steps: [], contexts: {}, receipts: [] });
    await store.create(storePaths.request(SERVICE), request, CALL);
    await clock.advance(2_000);
    const entry = await store.get(storePaths.request(SERVICE), CALL);
    expect(requestRecordFormat.parse(entry?.data ?? request)).toMatchObject({ state: "ready", contexts: { v0: {} } });
    await end();
  });

  test("leaves requests to runs that attach by themselves", async () => {
    const strategy = createFakeStorageStrategy();
    const volumes = [{ strategy, volume: volumeOf("v0") }];
    const resolve = async () => ({ volumes, limitMs: 10_000, controllerSide: "inline" as const });
    await begin(storage([], { resolve }));
    await writeLease(lease());
    const grant = { service: SERVICE, epoch: 3n, run: "run-of-epoch-3", agent: "a", signal: stop.signal };
    await driveRequest(
      { store: server.connect(), clock },
      { ...{ volumes, grant, former: [], op: createFakeOp() }, by: "run", limitMs: 1_000 },
    );
    await clock.advance(2_000);
    expect(strategy.calls.filter((verb) => verb === "attach")).toHaveLength(1);
    await end();
  });

  test("follows an operator's wish at once: no delay, and there", async () => {
    await begin(storage([createFakeStorageStrategy()]));
    await writeLease(lease());
    const wish = { service: SERVICE, epoch: 3n, kind: "switchover" as const, to: "b", by: "ops", reason: "update" };
    await askHandover({ store: server.connect(), clock }, wish, stop.signal);
    await clock.advance(1_000);
    agents[0].end(agents[0].launches[0]?.id ?? "");
    await clock.advance(500);
    expect(launched()).toEqual([1, 1]);
    await end();
  });
});

import {
  type CatalogueRecord,
  type CoordinationStore,
  catalogueRecordFormat,
  DEFAULT_RECONCILE_LIMITS,
  type DecisionsRecord,
  decisionsRecordFormat,
  type LeaseRecord,
  leaseRecordFormat,
  type Orchestrator,
  type Placement,
  type Service,
  serviceSchema,
  storePaths,
} from "@holdfast/core";
import {
  createFakeClock,
  createFakeLogger,
  createFakeOp,
  createFakeOrchestrator,
  createFakeStorageStrategy,
  createFakeStoreServer,
} from "@holdfast/testkit";
import { carryOut } from "./carry-out.js";
import type { ControllerContext } from "./context.js";
import type { ControllerEvent } from "./events.js";
import type { Leading } from "./journal.js";
import { decide } from "./reconcile.js";

export const SERVICE = "orders-db";
const CALL = { timeoutMs: 5_000 };

/** A process that dies: after the given number of effects nothing of it works any more. */
export class CrashPoint {
  readonly #after: number | null;
  #effects = 0;
  crashed = false;

  /** @param after - effects that still happen; null = it lives. */
  constructor(after: number | null) {
    this.#after = after;
    this.crashed = after === 0;
  }

  get effects(): number {
    return this.#effects;
  }

  alive(): void {
    if (this.crashed) throw new Error("the process is dead");
  }

  /** An effect happened; it may be the last one, whose answer nobody hears. */
  async call<T>(effect: boolean, action: () => Promise<T>): Promise<T> {
    this.alive();
    const result = await action();
    if (effect) {
      this.#effects += 1;
      if (this.#effects === this.#after) this.crashed = true;
      this.alive();
    }
    return result;
  }
}

export function makeService(overrides: { readonly name?: string; readonly memMiB?: number } = {}): Service {
  return serviceSchema.parse({
    ...{ apiVersion: "holdfast/v1", kind: "Service", metadata: { name: overrides.name ?? SERVICE } },
    spec: {
      engine: { type: "process", command: ["redis-server"] },
      storage: [{ strategy: "fake", mountPath: "/srv/data" }],
      exclusivity: { leaseMs: 3_000, renewMs: 300, stopBudgetMs: 500, marginMs: 500 },
      resources: { cpus: 1, memMiB: overrides.memMiB ?? 256 },
    },
  });
}

/** A store, an orchestrator and a clock that outlive every controller. */
export class ControllerRig {
  readonly server = createFakeStoreServer();
  readonly clock = createFakeClock();
  readonly logger = createFakeLogger();
  readonly orchestrator = createFakeOrchestrator();
  readonly strategy = createFakeStorageStrategy();
  /** Calls that took effect, in order. */
  readonly effects: string[] = [];
  readonly events: ControllerEvent[] = [];
  placement: Placement = { kind: "any" };
  /** Happens once, while somebody looks at the orchestrator. */
  meanwhile: (() => Promise<void>) | null = null;
  /** The orchestrator does not answer. */
  silent = false;

  context(name: string, point = new CrashPoint(null)): ControllerContext {
    const store = crashing(this.server.connect(name), point);
    return {
      ...{ store, clock: this.clock, logger: this.logger, by: name, limits: DEFAULT_RECONCILE_LIMITS },
      process: { agent: name, machineId: `machine-${name}`, bootId: "boot", host: name, pid: 1, task: null },
      orchestrator: this.#orchestrator(point),
      op: (signal) => createFakeOp({ signal, clock: this.clock }),
      resolve: async (service) => ({
        placement: this.placement,
        volumes: service.spec.storage.map(({ role, mountPath }) => ({
          strategy: {
            ...this.strategy,
            fence: (...call) => point.call(true, () => this.strategy.fence(...call)),
          },
          volume: { service: service.metadata.name, role, mountPath, diskMiB: null, options: {} },
        })),
      }),
    };
  }

  leading(name: string, epoch: bigint, point?: CrashPoint): Leading {
    return { context: this.context(name, point), epoch, emit: (event) => void this.events.push(event) };
  }

  /** One controller, from a look to the end of what it decided, until there is nothing to do. False = it died. */
  async work(leading: Leading, point: CrashPoint, signal = new AbortController().signal): Promise<boolean> {
    try {
      for (let looks = 0; looks < 5; looks++) {
        const decision = await decide(leading, SERVICE, signal);
        if (decision === undefined || decision.operation === null) return true;
        await carryOut(leading, SERVICE, decision.operation, signal);
        point.alive();
      }
      throw new Error("it never settles");
    } catch (error) {
      if (!point.crashed) throw error;
      return false;
    }
  }

  /** Moves the clock until it settles. */
  async settle<T>(promise: Promise<T>, limitMs = 300_000): Promise<T> {
    let settled = false;
    const marked = promise.finally(() => {
      settled = true;
    });
    marked.catch(() => undefined); // thrown by the return below
    for (let ms = 0; ms < limitMs && !settled; ms += 50) await this.clock.advance(50);
    if (!settled) throw new Error(`nothing was decided within ${limitMs} ms`);
    return marked;
  }

  async catalogue(service: Service, overrides: Partial<CatalogueRecord> = {}): Promise<void> {
    const record: CatalogueRecord = {
      ...{ v: 1, service: service.metadata.name, generation: 1, desired: "running", by: "ops", planHash: "none" },
      ...{ at: this.clock.wallTime(), definition: JSON.parse(JSON.stringify(service)) },
      ...overrides,
    };
    await this.write(storePaths.catalogue(record.service), catalogueRecordFormat.serialize(record));
  }

  async decisions(): Promise<DecisionsRecord | undefined> {
    const entry = await this.server.connect().get(storePaths.decisions(SERVICE), CALL);
    return entry === undefined ? undefined : decisionsRecordFormat.parse(entry.data);
  }

  async lease(): Promise<LeaseRecord | undefined> {
    const entry = await this.server.connect().get(storePaths.lease(SERVICE), CALL);
    return entry === undefined ? undefined : leaseRecordFormat.parse(entry.data);
  }

  async holds(overrides: Partial<LeaseRecord> = {}): Promise<LeaseRecord> {
    const record: LeaseRecord = {
      ...{ v: 1, service: SERVICE, epoch: 7n, run: "run-of-seven", attempt: { nonce: "nonce-123", n: 1 } },
      ...{ agent: "a", machineId: "machine-a", bootId: "boot-a", leaseMs: 3_000, state: { kind: "held" } },
      ...{ pendingFence: null, since: "2024-01-01T00:00:00.000Z", holder: { host: "a", pid: 1 } },
      ...overrides,
    };
    await this.write(storePaths.lease(SERVICE), leaseRecordFormat.serialize(record));
    return record;
  }

  async write(path: string, data: Uint8Array): Promise<void> {
    const store = this.server.connect();
    const entry = await store.get(path, CALL);
    if (entry === undefined) await store.create(path, data, CALL);
    else await store.put(path, data, entry.version, CALL);
  }

  #orchestrator(point: CrashPoint): Orchestrator {
    const { orchestrator } = this;
    const did = (what: string) => void this.effects.push(what);
    return {
      ...orchestrator,
      compile: (service, placement) => {
        const compiled = orchestrator.compile(service, placement);
        const { memMiB } = service.spec.resources;
        return { ...compiled, definition: { ...compiled.definition, memMiB } };
      },
      observe: async (...call) => {
        const { meanwhile } = this;
        this.meanwhile = null;
        await meanwhile?.();
        if (this.silent) throw new Error("connection refused");
        return orchestrator.observe(...call);
      },
      apply: (op, compiled) =>
        point.call(true, async () => {
          did(`apply ${compiled.definition.memMiB}`);
          await orchestrator.apply(op, compiled);
        }),
      stop: (op, service) =>
        point.call(true, async () => {
          did("stop");
          await orchestrator.stop(op, service);
        }),
    };
  }
}

function crashing(store: CoordinationStore, point: CrashPoint): CoordinationStore {
  return {
    ...store,
    get: (...call) => point.call(false, () => store.get(...call)),
    list: (...call) => point.call(false, () => store.list(...call)),
    create: (...call) => point.call(true, () => store.create(...call)),
    put: (...call) => point.call(true, () => store.put(...call)),
    delete: (...call) => point.call(true, () => store.delete(...call)),
  };
}

import {
  type CoordinationStore,
  formerOfRecord,
  type Grant,
  type HistoryRecord,
  historyRecordFormat,
  type LeaseRecord,
  leaseRecordFormat,
  type QuarantineRecord,
  quarantineRecordFormat,
  type RequestRecord,
  requestRecordFormat,
  type StorageStrategy,
  storePaths,
  type Volume,
} from "@holdfast/core";
import { createFakeOp, createFakeStorageStrategy, type FakeStorageStrategy } from "@holdfast/testkit";
import { TIMING } from "../lease/lease-rig.fixture.js";
import type { RecordContext } from "./context.js";
import { type DriveOptions, driveRequest } from "./drive.js";

/** A process that dies: after the given number of effects nothing of it works any more. */
class CrashPoint {
  readonly #after: number | null;
  #effects = 0;
  crashed = false;

  /** @param after - effects that still happen; null = it lives. */
  constructor(after: number | null) {
    this.#after = after;
    this.crashed = after === 0;
  }

  alive(): void {
    if (this.crashed) throw new Error("the process is dead");
  }

  /** An effect happened; it may be the last one, whose answer nobody hears. */
  happened(): void {
    this.#effects += 1;
    if (this.#effects === this.#after) this.crashed = true;
    this.alive();
  }
}

async function dyingCall<T>(point: CrashPoint, effect: boolean, call: () => Promise<T>): Promise<T> {
  point.alive();
  const result = await call();
  if (effect) point.happened();
  return result;
}

function crashingStore(store: CoordinationStore, point: CrashPoint): CoordinationStore {
  return {
    ...store,
    get: (...call) => dyingCall(point, false, () => store.get(...call)),
    list: (...call) => dyingCall(point, false, () => store.list(...call)),
    create: (...call) => dyingCall(point, true, () => store.create(...call)),
    put: (...call) => dyingCall(point, true, () => store.put(...call)),
    delete: (...call) => dyingCall(point, true, () => store.delete(...call)),
  };
}

function crashingStrategy(strategy: StorageStrategy, point: CrashPoint): StorageStrategy {
  return {
    ...strategy,
    observe: (...call) => dyingCall(point, false, () => strategy.observe(...call)),
    attach: (...call) => dyingCall(point, true, () => strategy.attach(...call)),
    detach: (...call) => dyingCall(point, true, () => strategy.detach(...call)),
    fence: (...call) => dyingCall(point, true, () => strategy.fence(...call)),
    unfence: (...call) => dyingCall(point, true, () => strategy.unfence(...call)),
  };
}

const CALL = { timeoutMs: 5_000 };

/** A service whose lease moves from agent to agent, with two volumes in memory. */
export class RequestRig {
  readonly service: string;
  readonly strategy: FakeStorageStrategy;
  readonly volumes: readonly Volume[];
  readonly #context: RecordContext;

  constructor(context: RecordContext, service: string, strategy = createFakeStorageStrategy()) {
    this.#context = context;
    this.service = service;
    this.strategy = strategy;
    this.volumes = ["data", "log"].map((role) => ({
      ...{ service, role, mountPath: `/srv/${role}`, diskMiB: null, options: {} },
    }));
  }

  lease(epoch: bigint, agent: string, overrides: Partial<LeaseRecord> = {}): LeaseRecord {
    return {
      ...{ v: 1, service: this.service, epoch, agent, run: `run-of-epoch-${epoch}`, leaseMs: TIMING.leaseMs },
      ...{ attempt: { nonce: "nonce-of-run", n: 1 }, machineId: `machine-${agent}`, bootId: `boot-${agent}` },
      ...{ state: { kind: "held" }, pendingFence: null, since: "2024-01-01T00:00:00.000Z" },
      holder: { host: agent, pid: 1 },
      ...overrides,
    };
  }

  async holds(record: LeaseRecord): Promise<void> {
    await this.#write(storePaths.lease(this.service), leaseRecordFormat.serialize(record));
  }

  async started(...runs: readonly { epoch: bigint; agent: string; stopped?: boolean }[]): Promise<void> {
    const at = "2024-01-01T00:00:00.000Z";
    const entries = runs.flatMap(({ epoch, agent, stopped }): HistoryRecord["entries"] => {
      const entry = { at, epoch, agent, run: `run-of-epoch-${epoch}` };
      const begun = { ...entry, kind: "started" as const };
      return stopped === true ? [begun, { ...entry, kind: "stopped" }] : [begun];
    });
    const history: HistoryRecord = { v: 1, service: this.service, epoch: 9n, leaseMsMax: 1, entries };
    await this.#write(storePaths.history(this.service), historyRecordFormat.serialize(history));
  }

  grant(record: LeaseRecord, signal: AbortSignal = new AbortController().signal): Grant {
    return { service: this.service, epoch: record.epoch, run: record.run, agent: record.agent, signal };
  }

  options(record: LeaseRecord, taken: LeaseRecord, overrides: Partial<DriveOptions> = {}): DriveOptions {
    return {
      volumes: this.volumes.map((volume) => ({ strategy: this.strategy, volume })),
      grant: this.grant(record),
      former: formerOfRecord(taken),
      op: createFakeOp(),
      by: "driver-1",
      limitMs: 30_000,
      ...overrides,
    };
  }

  /** Drives until the process dies, or to the end; true = it got there. */
  async driveUntilDeath(record: LeaseRecord, taken: LeaseRecord, after: number | null, by: string): Promise<boolean> {
    const point = new CrashPoint(after);
    const strategy = crashingStrategy(this.strategy, point);
    const context = { ...this.#context, store: crashingStore(this.#context.store, point) };
    const volumes = this.volumes.map((volume) => ({ strategy, volume }));
    try {
      await driveRequest(context, this.options(record, taken, { volumes, by }));
      return true;
    } catch (error) {
      if (!point.crashed) throw error;
      return false;
    }
  }

  async request(): Promise<RequestRecord | undefined> {
    const entry = await this.#context.store.get(storePaths.request(this.service), CALL);
    return entry === undefined ? undefined : requestRecordFormat.parse(entry.data);
  }

  async quarantine(agent: string): Promise<QuarantineRecord | undefined> {
    const entry = await this.#context.store.get(storePaths.quarantine(this.service, agent), CALL);
    return entry === undefined ? undefined : quarantineRecordFormat.parse(entry.data);
  }

  async #write(path: string, data: Uint8Array): Promise<void> {
    const { store } = this.#context;
    const entry = await store.get(path, CALL);
    if (entry === undefined) await store.create(path, data, CALL);
    else await store.put(path, data, entry.version, CALL);
  }
}

import {
  movePin,
  pinVolume,
  type RecordContext,
  readHandover,
  readStorageRecord,
  type ServedService,
} from "@holdfast/coordination";
import {
  type AgentId,
  type AgentSilence,
  agentViews,
  combinePlacements,
  type LeaseRecord,
  type Logger,
  leaseRecordFormat,
  type ObservedVolume,
  type Op,
  type Placement,
  type StorageRecord,
  storePaths,
} from "@holdfast/core";

export interface LocalStoredService extends ServedService {
  /** `controller`: the orchestrator attaches and fences; otherwise each run does that itself. */
  readonly controllerSide: "inline" | "controller";
}

/** What the orchestrator needs to place by storage, and to be the controller side for the runs that ask. */
export interface LocalStorageOptions {
  readonly records: RecordContext;
  /** Undefined = a service whose volume the operator mounts; it may run anywhere. */
  readonly resolve: (service: string) => Promise<LocalStoredService | undefined>;
  /** An `op` with the storage's credentials; its signal must be the given one. */
  readonly op: (service: string, signal: AbortSignal) => Promise<Op>;
  /** Unique per process, for journals. */
  readonly by: string;
  /**
   * An agent with pinned data that was silent for so long is lost for good; only then, and only where the strategy is
   * told to restore elsewhere, does its pin move. Default ten minutes. Milliseconds.
   */
  readonly agentLostMs?: number;
}

const AGENT_LOST_MS = 10 * 60_000;
const CALL_MS = 5_000;

export interface StoragePlacement {
  readonly placement: Placement;
  /** Where an operator's handover wants it next. */
  readonly prefer: AgentId | null;
  /** Epoch of the holder that was asked to hand over; its end is no failure. */
  readonly handedOver: string | null;
}

const ANYWHERE: StoragePlacement = { placement: { kind: "any" }, prefer: null, handedOver: null };

/** Where storage lets services run next; remembers when each lease was last seen to change. */
export class StoragePlacer {
  readonly #options: LocalStorageOptions;
  readonly #logger: Logger;
  readonly #leases = new Map<string, { readonly version: string; readonly sinceMs: number }>();

  constructor(options: LocalStorageOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /**
   * A choice that binds (a pin, a pin that moves to be restored) is on record before anything is launched by it.
   * @throws store errors.
   */
  async place(service: string, agents: readonly AgentSilence[], signal: AbortSignal): Promise<StoragePlacement> {
    const options = this.#options;
    const stored = await options.resolve(service);
    if (stored === undefined) return ANYWHERE;
    const op = await options.op(service, signal);
    const lease = await this.#look(service, signal);
    const placements: { role: string; placement: Placement }[] = [];
    const records = new Map<string, StorageRecord | null>();
    let left = agents;
    for (const { strategy, volume } of stored.volumes) {
      const recorded = (await readStorageRecord(options.records, volume, signal)) ?? null;
      records.set(volume.role, recorded);
      const observed = await observe({ ...{ strategy, volume }, op, recorded, logger: this.#logger });
      const heard = left.map((agent) => heardBy(agent, lease));
      const views = agentViews(heard, homeOf(recorded), options.agentLostMs ?? AGENT_LOST_MS);
      const placement = strategy.placement(volume, observed, views);
      placements.push({ role: volume.role, placement });
      // The next volume chooses among what this one left, so that two choices meet.
      if (placement.kind === "agents") left = left.filter(({ id }) => placement.agents.includes(id));
    }
    const placement = combinePlacements(placements);
    await record(options, stored, records, placement, signal);
    return { placement, ...(await readWish(options.records, service, lease?.record.epoch, signal)) };
  }

  /** What an operator asked of the present holder; see `askHandover`. @throws store errors. */
  async wish(service: string, signal: AbortSignal): Promise<Pick<StoragePlacement, "prefer" | "handedOver">> {
    const lease = await this.#look(service, signal);
    return readWish(this.#options.records, service, lease?.record.epoch, signal);
  }

  async #look(service: string, signal: AbortSignal): Promise<SeenLease | undefined> {
    const { store, clock } = this.#options.records;
    const entry = await store.get(storePaths.lease(service), { timeoutMs: CALL_MS, signal });
    if (entry === undefined) return undefined;
    const nowMs = clock.now().monoMs;
    const version = `${entry.version.created} ${entry.version.number}`;
    const before = this.#leases.get(service);
    const seen = before?.version === version ? before : { version, sinceMs: nowMs };
    this.#leases.set(service, seen);
    return { record: leaseRecordFormat.parse(entry.data), unchangedMs: nowMs - seen.sinceMs };
  }
}

interface SeenLease {
  readonly record: LeaseRecord;
  readonly unchangedMs: number;
}

/** An agent that only this process cannot reach, and whose run renews its lease, is not lost. Pure. */
function heardBy(agent: AgentSilence, lease: SeenLease | undefined): AgentSilence {
  if (lease === undefined || lease.record.agent !== agent.id || lease.record.state.kind !== "held") return agent;
  return { ...agent, silentMs: Math.min(agent.silentMs ?? lease.unchangedMs, lease.unchangedMs) };
}

type Observing = ServedService["volumes"][number] & {
  readonly op: Op;
  readonly recorded: StorageRecord | null;
  readonly logger: Logger;
};

/** A server that does not answer is no reason to place nothing: the run will wait for it, and say so. */
async function observe({ strategy, volume, op, recorded, logger }: Observing): Promise<ObservedVolume> {
  try {
    return { ...(await strategy.observe(op, volume)), recorded };
  } catch (error) {
    op.signal.throwIfAborted();
    logger.log("warn", "placed without the storage's answer", { role: volume.role, error: String(error) });
    return { exists: true, attachments: [], fenced: [], recorded, detail: {} };
  }
}

function homeOf(recorded: StorageRecord | null): AgentId | null {
  return recorded?.pin?.agent ?? recorded?.initialised?.agent ?? null;
}

async function record(
  { records: context }: LocalStorageOptions,
  { volumes }: ServedService,
  records: ReadonlyMap<string, StorageRecord | null>,
  placement: Placement,
  signal: AbortSignal,
): Promise<void> {
  if (placement.kind !== "agents") return;
  const [agent, ...others] = placement.agents;
  if (agent === undefined || others.length > 0) return;
  const why = placement.why.slice(0, 300);
  for (const { strategy, volume } of volumes) {
    if (strategy.capabilities(volume).movesBetweenAgents) continue;
    const home = homeOf(records.get(volume.role) ?? null);
    if (home === null) await pinVolume(context, volume, strategy.type, { agent, why }, signal);
    else if (home !== agent && placement.restore === true) {
      await movePin(context, volume, strategy.type, { from: home, to: agent, why }, signal);
    }
  }
}

async function readWish(
  records: RecordContext,
  service: string,
  epoch: bigint | undefined,
  signal: AbortSignal,
): Promise<Pick<StoragePlacement, "prefer" | "handedOver">> {
  const wish = epoch === undefined ? undefined : await readHandover(records, service, epoch, signal);
  return { prefer: wish?.to ?? null, handedOver: wish === undefined ? null : wish.epoch.toString() };
}

import { randomUUID } from "node:crypto";
import { type HistoryRecord, HoldfastError, hasCode, type LeaseRecord, leaseRecordFormat } from "@holdfast/core";
import { type BootstrapDecision, type BootstrapFacts, decideBootstrap } from "./bootstrap.js";
import { readHistory } from "./history-log.js";
import type { LeaseContext } from "./identity.js";
import { type Observation, observe } from "./observer.js";
import { pendingFenceIn } from "./pending-fence.js";
import { readLease, type SeenRecord } from "./record-io.js";

/** What a candidate starts from. */
export interface Beginning {
  readonly observation: Observation;
  readonly neverRan: boolean;
  readonly leaseMsMax: number;
}

export type BeginOptions = Pick<BootstrapFacts, "volume" | "firstRun" | "leaseMsMax" | "seenEpoch"> & {
  /** What the record said was pending when this candidate last saw it; null = nothing, or not seen before. */
  readonly seenPending: LeaseRecord["pendingFence"];
};

interface Call {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Look {
  readonly seen: SeenRecord | undefined;
  readonly history: HistoryRecord | undefined;
  readonly answeredAtMs: number;
}

const PAUSE_MS = 100;
const CREATED_READS_MAX = 20;
/** Looks that must agree before a store is called lost: two records are not read at one moment, and reads may be stale. */
const LOST_LOOKS = 10;

/**
 * Rule 7: compares store and volume, and creates a missing record *held by nobody*.
 * @throws `STORE_LOST`, `RECORD_MISSING`, store errors.
 */
export async function bootstrap(context: LeaseContext, options: BeginOptions, call: Call): Promise<Beginning> {
  let { look, decision } = await lookAndDecide(context, options, call);
  for (let looks = 1; decision.kind === "refuse" && looks < LOST_LOOKS; looks++) {
    context.store.changeServer("its records contradict each other");
    await context.clock.sleep(PAUSE_MS, call.signal);
    ({ look, decision } = await lookAndDecide(context, options, call));
  }
  switch (decision.kind) {
    case "refuse":
      throw new HoldfastError(decision.code, decision.message, { hint: decision.hint });
    case "observe": {
      if (look.seen === undefined) throw new Error("observed a record that was not read");
      return { ...decision, observation: observe(undefined, look.seen, look.answeredAtMs) };
    }
    case "create":
      return { ...decision, observation: await create(context, decision, pendingOf(options, look.history), call) };
  }
}

async function lookAndDecide(
  context: LeaseContext,
  options: BeginOptions,
  call: Call,
): Promise<{ look: Look; decision: BootstrapDecision }> {
  const look = await lookOnce(context, call);
  const decision = decideBootstrap({
    ...options,
    service: context.identity.service,
    record: look.seen?.record,
    history: look.history,
    leaseMs: context.timing.leaseMs,
  });
  return { look, decision };
}

async function lookOnce(context: LeaseContext, call: Call): Promise<Look> {
  const [seen, history] = await Promise.all([readLease(context, call), readHistory(context, call)]);
  return { seen, history, answeredAtMs: context.clock.now().monoMs };
}

/** The record that said it is gone; it must not be forgotten with it. */
function pendingOf(options: BeginOptions, history: HistoryRecord | undefined): LeaseRecord["pendingFence"] {
  return options.seenPending ?? (history === undefined ? null : pendingFenceIn(history));
}

async function create(
  context: LeaseContext,
  decision: Extract<BootstrapDecision, { kind: "create" }>,
  pendingFence: LeaseRecord["pendingFence"],
  call: Call,
): Promise<Observation> {
  const { store, paths, identity, clock } = context;
  const vacant: LeaseRecord = {
    v: 1,
    service: identity.service,
    epoch: decision.epoch,
    run: randomUUID(),
    attempt: { nonce: randomUUID(), n: 0 },
    agent: identity.agent,
    machineId: identity.machineId,
    bootId: identity.bootId,
    leaseMs: decision.leaseMs,
    state: { kind: "vacant" },
    pendingFence,
    since: clock.wallTime(),
    holder: { host: identity.host, pid: identity.pid },
  };
  try {
    await store.create(paths.lease, leaseRecordFormat.serialize(vacant), call);
  } catch (error) {
    // Another candidate was quicker, or it cannot be told: either way the record is read, not assumed.
    if (!hasCode(error, "RECORD_EXISTS", "UNKNOWN_OUTCOME")) throw error;
  }
  for (let tries = 0; tries < CREATED_READS_MAX; tries++) {
    const created = await readLease(context, call);
    if (created !== undefined) return observe(undefined, created, clock.now().monoMs);
    // It exists, and this server does not know it yet.
    store.changeServer("it does not know a record that exists");
    await clock.sleep(PAUSE_MS, call.signal);
  }
  throw new HoldfastError("RECORD_MISSING", `The lease record of ${identity.service} was created and is gone again.`, {
    hint: "Something deletes records; find it before anything is started.",
  });
}

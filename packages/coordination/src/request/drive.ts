import {
  type AttachContext,
  addReceipt,
  decideRequest,
  type ErrorCode,
  type FenceReceipt,
  type FormerHolder,
  formerHolders,
  type Grant,
  type HistoryRecord,
  HoldfastError,
  historyRecordFormat,
  type LeaseRecord,
  type Op,
  type RequestRecord,
  type StorageStrategy,
  splitFormer,
  storePaths,
  type Volume,
} from "@holdfast/core";
import { CALL_MS, type RecordContext, whileAway } from "./context.js";
import { driveVolume } from "./drive-volume.js";
import { failureOf, withFailure } from "./failure.js";
import { RequestJournal, requireGrant, stale } from "./journal.js";
import { MadeReady, type StepEvent } from "./perform.js";

export interface DriveOptions {
  readonly volumes: readonly { readonly strategy: StorageStrategy; readonly volume: Volume }[];
  /** Its signal ends everything. */
  readonly grant: Grant;
  /** Who of the record that was taken over may still write: `formerOfRecord`. Those of earlier runs are added. */
  readonly former: readonly FormerHolder[];
  readonly op: Op;
  /** Who drives, for the journal; unique per process. */
  readonly by: string;
  /** What the run did as its first step to clean up after an earlier one on its agent; null = nothing, or not the run. */
  readonly cleaned?: string | null;
  /** Milliseconds until it gives up; the service's `attachTimeoutMs`. */
  readonly limitMs: number;
  readonly onStep?: (event: StepEvent) => void;
  /** Told once per reason for which it waits; `UNFENCEABLE` is worth an alert. */
  readonly onWait?: (role: string, why: string, code: ErrorCode) => void;
}

export interface DrivenStorage {
  /** By role, for the node half. */
  readonly contexts: Readonly<Record<string, AttachContext>>;
  readonly receipts: readonly FenceReceipt[];
  /** Milliseconds this driver spent in each verb; 0 when another was faster. */
  readonly tookMs: Readonly<Record<StepEvent["verb"], number>>;
}

/**
 * The controller half for a run that won an epoch: fence who did not release, then attach each volume to its agent,
 * journalled in the request record. Version-checked throughout: an older epoch is refused, and a crash at any point or
 * a second driver at the same time leads to the same end; once one of them has made it ready, the others begin no step
 * more and have its answer.
 * @throws `STALE_EPOCH`: the grant is over, stop. `UNFENCEABLE`, `HELD_BY_OTHER`, `BUSY` when the limit was reached
 *   waiting for that. Anything else a strategy says is final. The record then is `failed` and says why.
 */
export async function driveRequest(context: RecordContext, options: DriveOptions): Promise<DrivenStorage> {
  const limit = new AbortController();
  const ended = new AbortController();
  const timer = context.clock.sleep(options.limitMs, ended.signal).then(
    () => limit.abort(new Error("the time limit was reached")),
    () => undefined, // it ended before
  );
  const signal = AbortSignal.any([options.grant.signal, limit.signal]);
  const grant: Grant = { ...options.grant, signal };
  const waiting = { why: null as string | null, code: "BUSY" as ErrorCode };
  let journal: RequestJournal | undefined;
  try {
    const lease = await requireGrant(context, grant);
    const opened = await openJournal(context, grant, options.former);
    journal = opened;
    if (opened.record.state === "ready") return madeReady(opened.record);
    return await driveAll(context, { ...options, grant }, opened, lease, waiting);
  } catch (error) {
    if (error instanceof MadeReady && journal !== undefined) return madeReady(journal.record);
    const final = limit.signal.aborted && !options.grant.signal.aborted ? outOfTime(options, waiting, error) : error;
    await writeFailure(context, options, journal, final);
    throw final;
  } finally {
    ended.abort();
    await timer;
  }
}

const NO_STEPS: DrivenStorage["tookMs"] = { fence: 0, unfence: 0, detach: 0, attach: 0 };

/** Pure: the answer of a faster driver stands. */
function madeReady({ contexts, receipts }: RequestRecord): DrivenStorage {
  return { contexts, receipts, tookMs: NO_STEPS };
}

async function driveAll(
  context: RecordContext,
  options: DriveOptions,
  journal: RequestJournal,
  lease: LeaseRecord,
  waiting: { why: string | null; code: ErrorCode },
): Promise<DrivenStorage> {
  const { grant, op, by } = options;
  const { remaining, rebooted } = splitFormer(journal.record.former, lease);
  for (const { former, evidence } of rebooted) {
    const receipt = bootReceipt(context, former, grant, evidence);
    await journal.write((record) => addReceipt(record, receipt));
  }
  const tookMs = { ...NO_STEPS };
  const onStep = (event: StepEvent): void => {
    tookMs[event.verb] += event.tookMs ?? 0;
    options.onStep?.(event);
  };
  const contexts: Record<string, AttachContext> = {};
  for (const { strategy, volume } of options.volumes) {
    contexts[volume.role] = await driveVolume({
      ...{ records: context, journal, strategy, volume, grant, op, by, onStep },
      ...{ bootId: lease.bootId, former: remaining, cleaned: options.cleaned ?? null },
      onWait(why, code) {
        if (waiting.why !== why) options.onWait?.(volume.role, why, code);
        Object.assign(waiting, { why, code });
      },
    });
    waiting.why = null;
  }
  await journal.write(({ failure: _, ...record }) => ({ ...record, state: "ready" }) as RequestRecord);
  return { contexts, receipts: journal.record.receipts, tookMs };
}

/** Begins, or goes on with what a predecessor of the same grant began. */
async function openJournal(
  context: RecordContext,
  grant: Grant,
  taken: readonly FormerHolder[],
): Promise<RequestJournal> {
  const history = await readServiceHistory(context, grant);
  return RequestJournal.open(context, grant, (before) => beginRequest(grant, before, history, taken, "serving"));
}

export async function readServiceHistory(
  context: RecordContext,
  { service, signal }: Pick<Grant, "service" | "signal">,
): Promise<HistoryRecord | undefined> {
  const call = { timeoutMs: CALL_MS, signal };
  const entry = await whileAway(context, signal, () => context.store.get(storePaths.history(service), call));
  return entry === undefined ? undefined : historyRecordFormat.parse(entry.data);
}

/** Pure. @throws `STALE_EPOCH`. */
export function beginRequest(
  grant: Pick<Grant, "service" | "epoch" | "run" | "agent">,
  before: RequestRecord | undefined,
  history: HistoryRecord | undefined,
  taken: readonly FormerHolder[],
  state: "asked" | "serving",
): RequestRecord {
  const { service, epoch, run, agent } = grant;
  const former = formerHolders({ former: taken, epoch, before, history });
  const decision = decideRequest(before, { service, epoch, run, agent, former, state });
  if (decision.kind === "stale") throw stale(grant, decision.why);
  return decision.record;
}

function bootReceipt(context: RecordContext, former: FormerHolder, grant: Grant, evidence: string): FenceReceipt {
  const at = context.clock.wallTime();
  return { fencedEpoch: former.epoch, agent: former.agent, byEpoch: grant.epoch, strategy: "boot", at, evidence };
}

function outOfTime(
  options: DriveOptions,
  waiting: { readonly why: string | null; readonly code: ErrorCode },
  cause: unknown,
): HoldfastError {
  const why = waiting.why ?? "a step did not end";
  return new HoldfastError(
    waiting.why === null ? "UNKNOWN_OUTCOME" : waiting.code,
    `The storage of ${options.grant.service} was not had within ${options.limitMs} ms: ${why.replace(/\.$/, "")}.`,
    { hint: "See `holdfast lock status` and `holdfast failover --dry-run`.", retryable: true, cause },
  );
}

/** The grant may be over, and then there is nobody to tell. The error itself goes to the caller in any case. */
async function writeFailure(
  context: RecordContext,
  { grant, op }: DriveOptions,
  journal: RequestJournal | undefined,
  error: unknown,
): Promise<void> {
  const failure = failureOf(error);
  if (journal === undefined || grant.signal.aborted || failure.code === "STALE_EPOCH") return;
  const right = { ...grant, signal: AbortSignal.any([grant.signal, AbortSignal.timeout(CALL_MS)]) };
  try {
    await RequestJournal.open(context, right, (before) => withFailure(before, grant, failure));
  } catch (unwritten) {
    // Whoever waits for the record finds it begun and not ended, and has it served again.
    op.logger.log("warn", "the failure of a request could not be recorded", { error: String(unwritten) });
  }
}

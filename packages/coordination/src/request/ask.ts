import {
  type ErrorCode,
  type FenceReceipt,
  type FormerHolder,
  type Grant,
  HoldfastError,
  type RequestRecord,
  requestRecordFormat,
  storePaths,
} from "@holdfast/core";
import { Wakeup } from "../lease/wakeup.js";
import { settleQuarantine } from "../quarantine/quarantine.js";
import { CALL_MS, type RecordContext, whileAway } from "./context.js";
import { beginRequest, readServiceHistory } from "./drive.js";
import { errorOfFailure } from "./failure.js";
import { RequestJournal, requireGrant } from "./journal.js";

export interface AskOptions {
  readonly grant: Grant;
  readonly former: readonly FormerHolder[];
  /** See `DriveOptions.cleaned`. */
  readonly cleaned?: string | null;
  readonly limitMs: number;
  /** Told at every change of the record: how far it is. */
  readonly onProgress?: (record: RequestRecord) => void;
}

export interface AskedStorage {
  readonly contexts: RequestRecord["contexts"];
  readonly receipts: readonly FenceReceipt[];
}

const POLL_MS = 1_000;

/**
 * The run's side when somebody else has the credentials: writes what it asks for and waits until it is ready.
 * @throws what the other side had, by code; `BUSY` when nobody served it, `UNKNOWN_OUTCOME` when it was begun and did not
 *   end within the limit; `STALE_EPOCH`; the reason of the grant's signal.
 */
export async function requestStorage(context: RecordContext, options: AskOptions): Promise<AskedStorage> {
  const { grant, former, limitMs } = options;
  const { clock } = context;
  const untilMs = clock.now().monoMs + limitMs;
  const lease = await requireGrant(context, grant);
  if (options.cleaned !== undefined && options.cleaned !== null) {
    const facts = { bootId: lease.bootId, attached: null, cleaned: options.cleaned };
    await settleQuarantine(context, grant.service, grant.agent, facts, grant.signal);
  }
  const history = await readServiceHistory(context, grant);
  let { record } = await RequestJournal.open(context, grant, (before) =>
    beginRequest(grant, before, history, former, "asked"),
  );
  const path = storePaths.request(grant.service);
  const wakeup = new Wakeup();
  const ended = new AbortController();
  context.store.watch(path, wakeup.wake, ended.signal);
  let told = "";
  try {
    for (;;) {
      const news = JSON.stringify([record.state, record.steps.at(-1)]);
      if (news !== told) options.onProgress?.(record);
      told = news;
      if (record.state === "ready") return { contexts: record.contexts, receipts: record.receipts };
      if (record.state === "failed") throw failed(record);
      const leftMs = untilMs - clock.now().monoMs;
      if (leftMs <= 0) throw outOfTime(options, record);
      await wakeup.wait(clock, Math.min(POLL_MS, leftMs), grant.signal);
      record = await readOwn(context, path, grant, record);
    }
  } finally {
    ended.abort();
  }
}

async function readOwn(
  context: RecordContext,
  path: string,
  grant: Grant,
  last: RequestRecord,
): Promise<RequestRecord> {
  const call = { timeoutMs: CALL_MS, signal: grant.signal };
  const entry = await whileAway(context, grant.signal, () => context.store.get(path, call));
  const record = entry === undefined ? undefined : requestRecordFormat.parse(entry.data);
  if (record?.epoch === grant.epoch && record.run === grant.run) return record;
  // Another's request, or a server that is behind: the lease record says which.
  await requireGrant(context, grant);
  return last;
}

function failed({ failure }: RequestRecord): HoldfastError {
  return errorOfFailure(
    failure ?? { code: "INTERNAL", message: "The request failed.", hint: "See the controller's log." },
  );
}

function outOfTime({ grant, limitMs }: AskOptions, record: RequestRecord): HoldfastError {
  const last = record.steps.at(-1);
  const code: ErrorCode = record.state === "asked" ? "BUSY" : "UNKNOWN_OUTCOME";
  const why =
    last === undefined
      ? "no controller began to serve it"
      : `its last step is ${last.verb} on ${last.agent}, ${last.state}${last.message === undefined ? "" : `: ${last.message}`}`;
  return new HoldfastError(code, `The storage of ${grant.service} was not had within ${limitMs} ms: ${why}.`, {
    hint: "Is a controller running that serves requests, and does it reach the storage? Or set controllerSide: inline.",
    retryable: true,
  });
}

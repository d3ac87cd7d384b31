import {
  type ErrorCode,
  type Grant,
  hasCode,
  type Op,
  type RequestRecord,
  requestRecordFormat,
  storePaths,
} from "@holdfast/core";
import { Wakeup } from "../lease/wakeup.js";
import { CALL_MS, type RecordContext, readServiceLease, whileAway } from "./context.js";
import { type DriveOptions, driveRequest } from "./drive.js";
import { requireGrant } from "./journal.js";
import type { StepEvent } from "./perform.js";

export interface ServedService {
  readonly volumes: DriveOptions["volumes"];
  /** The service's `attachTimeoutMs`. */
  readonly limitMs: number;
}

export interface ServeOptions {
  /** Which services to look after; undefined = every one in the store. */
  readonly services?: () => readonly string[];
  /** Undefined = not mine to serve: its runs do it themselves, or it is not known here. */
  readonly resolve: (service: string) => Promise<ServedService | undefined>;
  /** Unique per process, for the journal. */
  readonly by: string;
  /** An `op` for one request; its signal must be the given one. */
  readonly op: (service: string, signal: AbortSignal) => Promise<Op>;
  readonly signal: AbortSignal;
  readonly onStep?: (service: string, event: StepEvent) => void;
  readonly onWait?: (service: string, role: string, why: string, code: ErrorCode) => void;
  /** A request that ended without its storage, of which the record tells the run; or records that cannot be read. */
  readonly onFailed?: (service: string, error: unknown) => void;
}

const POLL_MS = 1_000;
/** A journal that another server began and that stood still for this long is gone on with. */
const ABANDONED_MS = 10_000;

interface Watched {
  /** Its own: thousands of listeners on one signal would make every call that is given it slow. */
  readonly watching: AbortController;
  serving: Promise<void> | undefined;
  /** Version last seen, and since when; an answer of one's own is not waited for twice. */
  seen: { readonly version: string; readonly sinceMs: number } | undefined;
  /** Why its record could not be looked at, as it was told. */
  trouble: string | undefined;
}

/**
 * The controller's side: serves the requests of present holders until the signal aborts. One service's trouble is not
 * another's, and two processes that do this at once converge; elect one all the same, so that calls are not made twice.
 */
export async function serveRequests(context: RecordContext, options: ServeOptions): Promise<void> {
  const { clock, store } = context;
  const { signal } = options;
  const services = new Map<string, Watched>();
  const wakeup = new Wakeup();
  try {
    while (!signal.aborted) {
      try {
        const names = options.services?.() ?? (await store.list(storePaths.services(), { timeoutMs: CALL_MS, signal }));
        for (const name of names) {
          let watched = services.get(name);
          if (watched === undefined) {
            watched = { watching: new AbortController(), serving: undefined, seen: undefined, trouble: undefined };
            services.set(name, watched);
            store.watch(storePaths.request(name), wakeup.wake, watched.watching.signal);
          }
          if (watched.serving === undefined) await lookAtOne(context, options, name, watched);
        }
      } catch (error) {
        if (signal.aborted) break;
        // The store is away; whoever waits goes on waiting, and the next look finds the same requests.
        if (!hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME")) throw error;
      }
      await wakeup.wait(clock, POLL_MS, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  } finally {
    for (const { watching } of services.values()) watching.abort();
  }
  await Promise.all([...services.values()].map(({ serving }) => serving));
}

async function lookAtOne(context: RecordContext, options: ServeOptions, name: string, watched: Watched): Promise<void> {
  try {
    await look(context, options, name, watched);
    watched.trouble = undefined;
  } catch (error) {
    if (options.signal.aborted || hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME")) throw error;
    // A record that cannot be read is that service's trouble; told once, and looked at again.
    const trouble = String(error);
    if (watched.trouble !== trouble) options.onFailed?.(name, error);
    watched.trouble = trouble;
  }
}

async function look(context: RecordContext, options: ServeOptions, name: string, watched: Watched): Promise<void> {
  const { signal, by } = options;
  const entry = await context.store.get(storePaths.request(name), { timeoutMs: CALL_MS, signal });
  if (entry === undefined) return;
  const nowMs = context.clock.now().monoMs;
  const version = `${entry.version.created} ${entry.version.number}`;
  if (watched.seen?.version !== version) watched.seen = { version, sinceMs: nowMs };
  const record = requestRecordFormat.parse(entry.data);
  if (!isOpen(record, by, nowMs - watched.seen.sinceMs)) return;
  const lease = await readServiceLease(context, name, signal);
  const current = lease?.record.epoch === record.epoch && lease.record.run === record.run;
  if (!current || lease.record.state.kind !== "held") return;
  watched.serving = serve(context, options, name, record)
    .catch((error: unknown) => {
      if (!signal.aborted) options.onFailed?.(name, error);
    })
    .finally(() => {
      watched.serving = undefined;
    });
}

/** Pure. */
function isOpen(record: RequestRecord, by: string, unchangedMs: number): boolean {
  if (record.state === "asked") return true;
  if (record.state !== "serving") return false;
  const last = record.steps.at(-1);
  return last?.by === by || unchangedMs >= ABANDONED_MS;
}

async function serve(
  context: RecordContext,
  options: ServeOptions,
  name: string,
  record: RequestRecord,
): Promise<void> {
  const service = await options.resolve(name);
  if (service === undefined) return;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const { epoch, run, agent } = record;
  const grant: Grant = { service: name, epoch, run, agent, signal };
  const guard = watchGrant(context, grant, over);
  try {
    await driveRequest(context, {
      ...{ volumes: service.volumes, limitMs: service.limitMs, grant, former: record.former, by: options.by },
      op: await options.op(name, signal),
      onStep: (event) => options.onStep?.(name, event),
      onWait: (role, why, code) => options.onWait?.(name, role, why, code),
    });
  } finally {
    over.abort(new Error("the request is served"));
    await guard;
  }
}

/** Ends what is done for a grant soon after the grant itself; each step asks once more by itself. */
async function watchGrant(context: RecordContext, grant: Grant, over: AbortController): Promise<void> {
  const wakeup = new Wakeup();
  context.store.watch(storePaths.lease(grant.service), wakeup.wake, grant.signal);
  while (!grant.signal.aborted) {
    try {
      await whileAway(context, grant.signal, () => requireGrant(context, grant));
      await wakeup.wait(context.clock, POLL_MS, grant.signal);
    } catch (error) {
      if (!grant.signal.aborted) over.abort(error);
    }
  }
}

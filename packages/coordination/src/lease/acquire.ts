import { HoldfastError, hasCode, type Instant, type LeaseRecord, timeBudget } from "@holdfast/core";
import { Attempts } from "./attempts.js";
import { bootstrap } from "./begin.js";
import type { HeldLease } from "./held-lease.js";
import { describeHolder, type LeaseContext } from "./identity.js";
import { decideCandidate, observe } from "./observer.js";
import { pendingFenceOf } from "./pending-fence.js";
import { CandidateQueue } from "./queue.js";
import { readLease } from "./record-io.js";
import { claimOn, recognise, type Takeover, takeOver } from "./take-over.js";
import { Wakeup } from "./wakeup.js";

export interface AcquireOptions {
  /** What the guarded volume said; null = no volume is guarded. */
  readonly volume: { readonly epoch: bigint | null; readonly leaseMs: number | null } | null;
  /** The operator's word that this service never ran: a missing record is not waited for. */
  readonly firstRun: boolean;
  /** Largest lease the service may have had; what is waited when the record is gone. Milliseconds. */
  readonly leaseMsMax: number;
  /** `none` fails with `HELD_BY_OTHER` at once; `limitMs: null` waits for ever. */
  readonly wait: { readonly kind: "none" } | { readonly kind: "wait"; readonly limitMs: number | null };
  readonly signal: AbortSignal;
  /** Called on every change of what is waited for. */
  readonly onWaiting?: (waiting: {
    readonly record: LeaseRecord | null;
    readonly place: number;
    readonly why: string;
  }) => void;
}

export interface Acquired {
  readonly lease: HeldLease;
  /** Stamp of the takeover attempt that is proven; the first deadline follows from it. */
  readonly stamp: Instant;
  /** The record that was taken over. */
  readonly former: LeaseRecord;
  readonly attempts: Attempts;
}

/** A candidate whose polls are answered by another's watch still looks at least this often, in renewals. */
const POLL_RENEWALS_MAX = 5;
const AWAY_PAUSE_MS = 100;
const MISSING_READS_MIN = 4;

/**
 * Waits for the right to write and takes it, by the lease rules 1, 3, 4, 7 and 8. Nothing may have been started
 * before it resolves, and what is started afterwards must be checked against `cutDeadline(stamp)`.
 * @throws `HELD_BY_OTHER`, `WAIT_LIMIT` (detail.holder), `STORE_LOST`, `STORE_UNREACHABLE`, `DENIED`, `RECORD_INVALID`,
 *   `NOT_FOUND` (the service was destroyed); the signal's reason when aborted.
 */
export async function acquireLease(context: LeaseContext, options: AcquireOptions): Promise<Acquired> {
  const attempts = new Attempts(context.clock);
  const limit =
    options.wait.kind === "wait" && options.wait.limitMs !== null
      ? context.clock.now().monoMs + options.wait.limitMs
      : null;
  const wakeup = new Wakeup();
  const ended = new AbortController();
  const stop = () => ended.abort(options.signal.reason);
  if (options.signal.aborted) stop();
  options.signal.addEventListener("abort", stop, { once: true });
  const queue = new CandidateQueue(context, wakeup, ended.signal);
  try {
    return await waitAndTake(context, options, attempts, queue, wakeup, limit, ended.signal);
  } finally {
    ended.abort();
    options.signal.removeEventListener("abort", stop);
    await queue.leave();
  }
}

async function waitAndTake(
  context: LeaseContext,
  options: AcquireOptions,
  attempts: Attempts,
  queue: CandidateQueue,
  wakeup: Wakeup,
  limitAtMs: number | null,
  signal: AbortSignal,
): Promise<Acquired> {
  const { clock, timing, store, paths } = context;
  const call = { timeoutMs: timeBudget(timing).silenceMs, signal };
  const grant = (won: Extract<Takeover, { kind: "granted" }>, former: LeaseRecord): Acquired => ({
    lease: won.lease,
    stamp: won.stamp,
    former,
    attempts,
  });
  let basis = await bootstrap(context, { ...options, seenEpoch: 0n, seenPending: null }, call);
  let { observation } = basis;
  let seenEpoch = observation.record.epoch;
  // Another creation of the record, if there is one, is held by nobody; and whoever held the former may still live.
  const beginAgain = async (): Promise<void> => {
    const seenPending = pendingFenceOf(observation.record);
    basis = { ...(await bootstrap(context, { ...options, seenEpoch, seenPending }, call)), neverRan: false };
    observation = basis.observation;
  };
  let claim = claimOn(observation);
  let refusals = 0;
  let missing = 0;
  let away: unknown;
  let told = "";
  for (;;) {
    signal.throwIfAborted();
    const place = queue.place;
    const nowMs = clock.now().monoMs;
    const decision = decideCandidate({
      observation,
      nowMs,
      place,
      timing,
      neverRan: basis.neverRan,
      leaseMsMax: basis.leaseMsMax,
    });
    if (limitAtMs !== null && nowMs >= limitAtMs && (decision.kind === "wait" || away !== undefined))
      throw waitLimit(context, observation.record, away);
    if (decision.kind === "refuse") throw destroyed(context, observation.record, decision.why);
    if (decision.kind === "try") {
      if (claim.observation !== observation) {
        claim = claimOn(observation);
        refusals = 0;
      }
      const result: Takeover = await takeOver(context, attempts, claim, basis.leaseMsMax, signal);
      if (result.kind === "granted") return grant(result, observation.record);
      // Refused although the reads still show the expected version: that server is behind the others (rule 3).
      if (result.kind === "refused" && ++refusals > 1)
        store.changeServer("it still shows a version that was superseded");
      if (result.kind === "away" && options.wait.kind === "none" && away !== undefined) throw result.cause;
      away = result.kind === "away" ? result.cause : undefined;
    } else {
      if (options.wait.kind === "none") throw heldByOther(context, observation.record, decision.why);
      const news = `${place} ${decision.why}`;
      if (news !== told) options.onWaiting?.({ record: observation.record, place, why: decision.why });
      told = news;
      await queue.enter();
      queue.watch(paths.lease);
      const pollMs = timing.renewMs * Math.max(1, Math.min(place, POLL_RENEWALS_MAX));
      const untilMs = Math.min(decision.untilMs, nowMs + pollMs, limitAtMs ?? Number.POSITIVE_INFINITY);
      await wakeup.wait(clock, Math.max(1, untilMs - clock.now().monoMs), signal);
      // At the very end of the wait the version-checked write itself is the freshest look.
      if (clock.now().monoMs >= decision.untilMs) continue;
    }
    try {
      const seen = await readLease(context, call);
      const answeredAtMs = clock.now().monoMs;
      if (seen === undefined) {
        missing += 1;
        // One server may not know the record yet; several in a row mean that it was deleted while we waited.
        store.changeServer("it does not know a record that was there");
        if (missing >= MISSING_READS_MIN) await beginAgain();
        else await wakeup.wait(clock, AWAY_PAUSE_MS, signal);
      } else {
        missing = 0;
        const own = await recognise(context, attempts, claim, seen, basis.leaseMsMax, signal);
        if (own?.kind === "granted") return grant(own, observation.record);
        if (seen.version.created !== observation.version.created) await beginAgain();
        else observation = observe(observation, seen, answeredAtMs);
        if (observation.record.epoch > seenEpoch) seenEpoch = observation.record.epoch;
      }
      away = undefined;
      await queue.refresh();
    } catch (error) {
      if (!hasCode(error, "UNKNOWN_OUTCOME", "STORE_UNREACHABLE")) throw error;
      away = error;
      await wakeup.wait(clock, AWAY_PAUSE_MS, signal);
    }
  }
}

function destroyed(context: LeaseContext, record: LeaseRecord, why: string): HoldfastError {
  const { service } = context.identity;
  return new HoldfastError("NOT_FOUND", `Service ${service} cannot run: ${why}.`, {
    hint: `If it is wanted again: holdfast lock recover --service ${service} --epoch-above ${record.epoch} --confirm`,
  });
}

function heldByOther(context: LeaseContext, record: LeaseRecord, why: string): HoldfastError {
  return new HoldfastError(
    "HELD_BY_OTHER",
    `The lease of ${context.identity.service} is not free: ${record.state.kind === "held" ? describeHolder(record) : why}.`,
    {
      hint: "Wait for it with --wait, or see `holdfast lock status`.",
      retryable: true,
      detail: { holder: record.state.kind === "held" ? record : null },
    },
  );
}

function waitLimit(context: LeaseContext, record: LeaseRecord, away: unknown): HoldfastError {
  const store = away === undefined ? "" : "; the store does not answer at present";
  return new HoldfastError(
    "WAIT_LIMIT",
    `The waiting limit was reached: the lease of ${context.identity.service} is held by ${describeHolder(record)}${store}.`,
    {
      hint: "Raise --wait=LIMIT, or find out why the holder lives on.",
      retryable: true,
      detail: { holder: record },
      cause: away,
    },
  );
}

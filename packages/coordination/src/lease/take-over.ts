import { randomUUID } from "node:crypto";
import {
  CANDIDATE_LEASE_FACTOR,
  cutDeadline,
  hasCode,
  type Instant,
  isReached,
  type LeaseRecord,
  sameVersion,
  timeBudget,
} from "@holdfast/core";
import type { Attempts } from "./attempts.js";
import { HeldLease } from "./held-lease.js";
import type { LeaseContext } from "./identity.js";
import { judgeRead } from "./judge-read.js";
import type { Observation } from "./observer.js";
import { pendingFenceOf } from "./pending-fence.js";
import { putLease, readLease, type SeenRecord } from "./record-io.js";

export type Takeover =
  | { readonly kind: "granted"; readonly lease: HeldLease; readonly stamp: Instant }
  /** Somebody changed the record since it was observed. Read and observe again. */
  | { readonly kind: "refused" }
  /** The store does not answer. Nothing of this candidate is in it, as far as can be told; observe again. */
  | { readonly kind: "away"; readonly cause: unknown };

const PAUSE_MS = 50;

/** A candidate's claim on one observed version: its tries share a run id, so that a late one is still recognised. */
export interface TakeoverClaim {
  readonly observation: Observation;
  readonly run: string;
}

export function claimOn(observation: Observation): TakeoverClaim {
  return { observation, run: randomUUID() };
}

/**
 * One try to take over (rules 1, 3, 4): a version-checked write that raises the epoch by one. Whatever is not a plain
 * success is re-read, and only an exact attempt of this claim counts, with that attempt's stamp; nothing starts before.
 */
export async function takeOver(
  context: LeaseContext,
  attempts: Attempts,
  claim: TakeoverClaim,
  leaseMsMax: number,
  signal: AbortSignal,
): Promise<Takeover> {
  const { observation } = claim;
  const { attempt, stamp } = attempts.next();
  const record = takeoverRecord(context, observation.record, claim.run, attempt);
  try {
    const version = await putLease(context, record, observation.version, call(context, signal));
    return await accept(context, attempts, { record, version }, observation, stamp, leaseMsMax, signal);
  } catch (error) {
    if (hasCode(error, "STORE_UNREACHABLE")) return { kind: "away", cause: error };
    // A definite answer: this try had no effect. An earlier one of this claim that was applied late is recognised when
    // the record is observed again.
    if (hasCode(error, "RECORD_MISSING", "VERSION_CONFLICT")) return { kind: "refused" };
    if (!hasCode(error, "UNKNOWN_OUTCOME")) throw error;
    return resolveByReading(context, attempts, record, observation, leaseMsMax, signal, error);
  }
}

/**
 * Looks at a read for an earlier try of this claim whose outcome was unknown: found late, it counts with its own stamp,
 * and would otherwise be waited out like a stranger's. Undefined when the read shows none.
 */
export async function recognise(
  context: LeaseContext,
  attempts: Attempts,
  claim: TakeoverClaim,
  seen: SeenRecord,
  leaseMsMax: number,
  signal: AbortSignal,
): Promise<Takeover | undefined> {
  const { observation, run } = claim;
  const epoch = observation.record.epoch + 1n;
  const self = { run, epoch, created: observation.version.created, nonce: attempts.nonce, stamps: attempts.stamps };
  const judgement = judgeRead(self, seen);
  if (judgement.kind !== "confirmed") return undefined;
  return accept(context, attempts, seen, observation, judgement.stamp, leaseMsMax, signal);
}

function takeoverRecord(
  context: LeaseContext,
  former: LeaseRecord,
  run: string,
  attempt: LeaseRecord["attempt"],
): LeaseRecord {
  const { identity, timing, clock } = context;
  return {
    ...former,
    v: 1,
    service: identity.service,
    epoch: former.epoch + 1n,
    run,
    attempt,
    agent: identity.agent,
    machineId: identity.machineId,
    bootId: identity.bootId,
    leaseMs: timing.leaseMs,
    state: { kind: "held" },
    // Whatever a former run left behind stays on record until a receipt covers it.
    pendingFence: pendingFenceOf(former),
    since: clock.wallTime(),
    holder: { host: identity.host, pid: identity.pid, ...(identity.task === null ? {} : { task: identity.task }) },
  };
}

/** The write took effect. Was it on the record that was observed, and is there still time? */
async function accept(
  context: LeaseContext,
  attempts: Attempts,
  taken: SeenRecord,
  observation: Observation,
  stamp: Instant,
  leaseMsMax: number,
  signal: AbortSignal,
): Promise<Takeover> {
  attempts.settle(taken.record.attempt.n);
  const lease = new HeldLease(context, attempts, taken.record, taken.version);
  if (taken.version.created !== observation.version.created)
    return waitOutRecreated(context, lease, stamp, leaseMsMax, signal);
  if (!isReached(cutDeadline(stamp, context.timing), context.clock.now())) return { kind: "granted", lease, stamp };
  // Learnt too late. Nothing was ever started under this grant, so the own version may be taken over at once, as a new
  // run with the next epoch (rule 4).
  const own = claimOn({ ...taken, seenAtMs: context.clock.now().monoMs });
  return takeOver(context, attempts, own, leaseMsMax, signal);
}

/**
 * The record was deleted and created again between the last look and the write, and its version number happened to
 * fit: a former holder of the old record may still live. So nothing starts for one whole lease, renewing (rule 3).
 */
async function waitOutRecreated(
  context: LeaseContext,
  lease: HeldLease,
  stamp: Instant,
  leaseMsMax: number,
  signal: AbortSignal,
): Promise<Takeover> {
  const { clock, timing } = context;
  const untilMs = clock.now().monoMs + Math.max(leaseMsMax, timing.leaseMs) * CANDIDATE_LEASE_FACTOR + timing.guardMs;
  let confirmed = stamp;
  for (;;) {
    if (clock.now().monoMs >= untilMs) return { kind: "granted", lease, stamp: confirmed };
    await clock.sleep(Math.min(timing.renewMs, Math.max(1, untilMs - clock.now().monoMs)), signal);
    const result = await lease.renew(cutDeadline(confirmed, timing), signal);
    if (result.kind === "lost") return { kind: "refused" };
    if (result.kind === "confirmed") confirmed = result.stamp;
    else if (isReached(cutDeadline(confirmed, timing), clock.now())) return { kind: "away", cause: result.why };
  }
}

/** Rule 4 for takeovers. The stamp is that of the attempt seen, never of the reading and never of a later attempt. */
async function resolveByReading(
  context: LeaseContext,
  attempts: Attempts,
  record: LeaseRecord,
  observation: Observation,
  leaseMsMax: number,
  signal: AbortSignal,
  cause: unknown,
): Promise<Takeover> {
  const self = {
    run: record.run,
    epoch: record.epoch,
    created: observation.version.created,
    nonce: attempts.nonce,
    stamps: attempts.stamps,
  };
  const giveUpAtMs = context.clock.now().monoMs + context.timing.leaseMs;
  while (!signal.aborted && context.clock.now().monoMs < giveUpAtMs) {
    try {
      const seen = await readLease(context, call(context, signal));
      // Gone, or not applied as far as this server knows. It may still come; a new try at the same version settles it:
      // only one of them can win, and each would prove itself by its own stamp.
      if (seen === undefined || sameVersion(seen.version, observation.version)) return { kind: "refused" };
      // Somebody else wrote on what was observed, so no try of this claim can take effect any more.
      const superseded =
        seen.version.created === observation.version.created && seen.version.number > observation.version.number;
      const judgement = judgeRead(self, seen);
      switch (judgement.kind) {
        case "confirmed":
          return await accept(context, attempts, seen, observation, judgement.stamp, leaseMsMax, signal);
        case "lost":
          return { kind: "refused" };
        case "mine":
          throw new Error("the record shows this run with an attempt that was never sent");
        case "stale":
          if (superseded) return { kind: "refused" };
          break;
      }
    } catch (error) {
      if (!hasCode(error, "UNKNOWN_OUTCOME", "STORE_UNREACHABLE")) throw error;
    }
    await context.clock.sleep(PAUSE_MS, signal);
  }
  return { kind: "away", cause };
}

function call(context: LeaseContext, signal: AbortSignal) {
  return { timeoutMs: timeBudget(context.timing).silenceMs, signal };
}

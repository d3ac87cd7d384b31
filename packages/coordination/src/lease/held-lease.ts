import {
  HoldfastError,
  hasCode,
  type Instant,
  isReached,
  type LeaseRecord,
  type LeaseState,
  remainingMs,
  type StoreVersion,
  timeBudget,
} from "@holdfast/core";
import type { Attempts } from "./attempts.js";
import type { LeaseContext } from "./identity.js";
import { type HolderSelf, judgeRead } from "./judge-read.js";
import { joinFences } from "./pending-fence.js";
import { putLease, readLease } from "./record-io.js";

export type RenewResult =
  /** The grant is proven as of `stamp`; the deadline follows from it and from nothing else. */
  | { readonly kind: "confirmed"; readonly stamp: Instant }
  /** Nothing was proven. The former deadline stands; renew again. */
  | { readonly kind: "unconfirmed"; readonly why: string }
  /** Another has it, or the record is gone. Stop everything now. */
  | { readonly kind: "lost"; readonly why: string };

export type ReleaseResult = { readonly kind: "released" } | { readonly kind: "not-released"; readonly why: string };

/** Pause between tries while the store is away; short, because every pause shortens what can be ridden out. */
const AWAY_PAUSE_MS = 50;

/**
 * A grant that was won. Not safe by itself: whoever uses it must stop everything that can write by
 * `cutDeadline(stamp)` of the last confirmation, in a process that does not depend on this one.
 */
export class HeldLease {
  readonly run: string;
  readonly epoch: bigint;
  readonly created: string;
  readonly #context: LeaseContext;
  readonly #attempts: Attempts;
  #record: LeaseRecord;
  #version: StoreVersion;
  #fenceCleared = false;
  #ended = false;

  constructor(context: LeaseContext, attempts: Attempts, record: LeaseRecord, version: StoreVersion) {
    this.#context = context;
    this.#attempts = attempts;
    this.#record = record;
    this.#version = version;
    this.run = record.run;
    this.epoch = record.epoch;
    this.created = version.created;
  }

  get record(): LeaseRecord {
    return this.#record;
  }

  /**
   * Renews until one attempt is confirmed, the grant is lost, or `deadline` is reached. Nothing is sent at or after
   * the deadline (rule 2). One call at a time.
   * @param deadline - the caller's own cut deadline at this moment.
   */
  async renew(deadline: Instant, signal: AbortSignal): Promise<RenewResult> {
    let why = "not sent: the deadline was reached";
    while (!signal.aborted && !this.#ended && !isReached(deadline, this.#context.clock.now())) {
      const { pauseMs, ...result } = await this.#attemptRenewal(deadline, signal);
      if (result.kind !== "unconfirmed") return result;
      why = result.why;
      if (pauseMs > 0) await this.#pause(Math.min(pauseMs, this.#leftMs(deadline)), signal);
    }
    return { kind: "unconfirmed", why };
  }

  async #attemptRenewal(deadline: Instant, signal: AbortSignal): Promise<RenewResult & { readonly pauseMs: number }> {
    const { attempt, stamp } = this.#attempts.next();
    const record: LeaseRecord = { ...this.#record, attempt };
    try {
      const version = await putLease(this.#context, record, this.#version, this.#call(deadline, signal));
      if (version.created !== this.created)
        return { kind: "lost", why: "the record was deleted and created again", pauseMs: 0 };
      return this.#confirm(attempt.n, stamp, record, version);
    } catch (error) {
      if (signal.aborted) return { kind: "unconfirmed", why: "it was called off", pauseMs: 0 };
      if (hasCode(error, "RECORD_MISSING")) return { kind: "lost", why: "the lease record is gone", pauseMs: 0 };
      if (!hasCode(error, "VERSION_CONFLICT", "UNKNOWN_OUTCOME", "STORE_UNREACHABLE", "DENIED")) throw error;
      const away = hasCode(error, "STORE_UNREACHABLE", "DENIED");
      const judged = await this.#judge(deadline, signal, hasCode(error, "VERSION_CONFLICT"));
      if (judged.kind !== "unconfirmed") return { ...judged, pauseMs: 0 };
      return {
        kind: "unconfirmed",
        why: `${String(error instanceof Error ? error.message : error)} ${judged.why}`,
        pauseMs: away ? AWAY_PAUSE_MS : judged.pauseMs,
      };
    }
  }

  /** Rule 4: after anything but a plain success, re-read; the answer decides, and only the exact attempt proves. */
  async #judge(
    deadline: Instant,
    signal: AbortSignal,
    conflicted: boolean,
  ): Promise<RenewResult & { readonly pauseMs: number }> {
    let seen: Awaited<ReturnType<typeof readLease>>;
    try {
      seen = await readLease(this.#context, this.#call(deadline, signal));
    } catch (error) {
      if (signal.aborted) return { kind: "unconfirmed", why: "and reading was called off.", pauseMs: 0 };
      if (!hasCode(error, "UNKNOWN_OUTCOME", "STORE_UNREACHABLE", "DENIED")) throw error;
      return { kind: "unconfirmed", why: "and it could not be read.", pauseMs: AWAY_PAUSE_MS };
    }
    const self: HolderSelf = {
      run: this.run,
      epoch: this.epoch,
      created: this.created,
      nonce: this.#attempts.nonce,
      stamps: this.#attempts.stamps,
    };
    const judgement = judgeRead(self, seen);
    switch (judgement.kind) {
      case "lost":
        return { kind: "lost", why: judgement.why, pauseMs: 0 };
      case "confirmed":
        return this.#confirm(judgement.n, judgement.stamp, seen?.record ?? this.#record, judgement.version);
      case "mine": {
        const unchanged = judgement.version.number === this.#version.number;
        this.#version = judgement.version;
        // Refused, and yet this server still shows what was expected: it is behind the others.
        if (conflicted && unchanged) this.#context.store.changeServer("its reads contradict the outcome of writes");
        return {
          kind: "unconfirmed",
          why: "An older attempt of this run stands; trying again.",
          pauseMs: unchanged ? AWAY_PAUSE_MS : 0,
        };
      }
      case "stale":
        if (conflicted) this.#context.store.changeServer("its reads are older than the takeover");
        return {
          kind: "unconfirmed",
          why: "The state read is older than the takeover; reading again.",
          pauseMs: AWAY_PAUSE_MS,
        };
    }
  }

  #confirm(
    n: number,
    stamp: Instant,
    record: LeaseRecord,
    version: StoreVersion,
  ): RenewResult & { readonly pauseMs: number } {
    this.#attempts.settle(n);
    // What was confirmed may have been sent before the receipt came.
    this.#record = this.#fenceCleared ? { ...record, pendingFence: null } : record;
    this.#version = version;
    return { kind: "confirmed", stamp, pauseMs: 0 };
  }

  /** The fence receipt for what an earlier run left behind is there; written with the next renewal. */
  clearPendingFence(): void {
    this.#fenceCleared = true;
    this.#record = { ...this.#record, pendingFence: null };
  }

  /**
   * Ends the grant (rule 6). From the moment of the call nothing may be started under it, whatever the outcome.
   * Call only when nothing of the tree is left and the volume is cut, or with `yield` when something is left.
   * A pending fence of an earlier epoch turns a release into a `yield`, and is joined to what this run leaves itself: it
   * must not be forgotten.
   */
  async release(
    state: Extract<LeaseState, { kind: "released" | "yield" }>,
    pendingFence: LeaseRecord["pendingFence"],
    signal: AbortSignal,
  ): Promise<ReleaseResult> {
    this.#ended = true;
    const { clock, timing } = this.#context;
    // Without a successor's interest a release is pointless once the lease has run out by itself.
    const until = { monoMs: clock.now().monoMs + timing.leaseMs, bootMs: clock.now().bootMs + timing.leaseMs };
    const fence = joinFences(pendingFence, this.#record.pendingFence);
    const wanted: LeaseState = fence === null ? state : { kind: "yield", needsFence: fence.what };
    let why = "the time was over";
    while (!signal.aborted && !isReached(until, clock.now())) {
      const { attempt } = this.#attempts.next();
      try {
        await putLease(
          this.#context,
          { ...this.#record, attempt, state: wanted, pendingFence: fence },
          this.#version,
          this.#call(until, signal),
        );
        return { kind: "released" };
      } catch (error) {
        if (signal.aborted) return { kind: "not-released", why: "the time was over" };
        if (hasCode(error, "RECORD_MISSING")) return { kind: "not-released", why: "the lease record is gone" };
        if (!hasCode(error, "VERSION_CONFLICT", "UNKNOWN_OUTCOME", "STORE_UNREACHABLE", "DENIED")) throw error;
        why = error instanceof Error ? error.message : String(error);
        const outcome = await this.#judgeRelease(wanted, until, signal);
        if (outcome !== undefined) return outcome;
        await this.#pause(AWAY_PAUSE_MS, signal);
      }
    }
    return { kind: "not-released", why };
  }

  async #judgeRelease(wanted: LeaseState, until: Instant, signal: AbortSignal): Promise<ReleaseResult | undefined> {
    let seen: Awaited<ReturnType<typeof readLease>>;
    try {
      seen = await readLease(this.#context, this.#call(until, signal));
    } catch (error) {
      if (signal.aborted) return { kind: "not-released", why: "the time was over" };
      if (!hasCode(error, "UNKNOWN_OUTCOME", "STORE_UNREACHABLE", "DENIED")) throw error;
      return undefined;
    }
    if (seen === undefined || seen.record.epoch < this.epoch) return undefined;
    const mine = seen.record.epoch === this.epoch && seen.record.run === this.run;
    // A successor only comes after a release of ours took effect, or after the lease ran out: either way it is over.
    if (!mine) return { kind: "released" };
    if (seen.record.state.kind === wanted.kind) return { kind: "released" };
    this.#version = seen.version;
    return undefined;
  }

  #leftMs(deadline: Instant): number {
    return Math.max(1, remainingMs(deadline, this.#context.clock.now()));
  }

  #call(deadline: Instant, signal: AbortSignal) {
    return { timeoutMs: Math.min(timeBudget(this.#context.timing).silenceMs, this.#leftMs(deadline)), signal };
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#context.clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/**
 * Goes on with a grant whose former lock process died: same run, same epoch, new attempts. No stamp is inherited, so
 * nothing is proven until a renewal of this process is confirmed.
 * @throws `LEASE_LOST` when the record says that it is over; `STORE_UNREACHABLE` and others are the caller's to retry.
 */
export async function resumeLease(
  context: LeaseContext,
  attempts: Attempts,
  grant: { readonly run: string; readonly epoch: bigint; readonly created: string },
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<HeldLease | "stale"> {
  const seen = await readLease(context, options);
  const judgement = judgeRead({ ...grant, nonce: attempts.nonce, stamps: attempts.stamps }, seen);
  switch (judgement.kind) {
    case "lost":
      throw new HoldfastError("LEASE_LOST", `The lease is lost: ${judgement.why}.`, {
        hint: "The application is stopped.",
      });
    case "stale":
      return "stale";
    case "mine":
    case "confirmed":
      if (seen === undefined) return "stale";
      return new HeldLease(context, attempts, seen.record, judgement.version);
  }
}

import { hasCode, type LeaseRecord, type RequestRecord, storePaths } from "@holdfast/core";
import { readRequest } from "../lease/fence-receipts.js";
import { readHistory } from "../lease/history-log.js";
import type { LeaseContext } from "../lease/identity.js";
import { readLease } from "../lease/record-io.js";
import type { HandoverMoments } from "./time-split.js";

export interface Followed {
  readonly moments: HandoverMoments;
  /** The lease record as it was last seen. */
  readonly lease: LeaseRecord | null;
  readonly request: RequestRecord | undefined;
}

const POLL_MS = 100;
const CALL_MS = 5_000;

/** Looks at the records of a service from the moment a wish was written; every look adds what is new. */
export class HandoverFollower {
  readonly #context: LeaseContext;
  readonly #epoch: bigint;
  readonly #sinceMs: number;
  readonly #onNews: (line: string) => void;
  #moments: HandoverMoments = { releasedMs: null, takenMs: null, attachedMs: null, startedMs: null };
  #lease: LeaseRecord | null = null;
  #request: RequestRecord | undefined;

  constructor(context: LeaseContext, epoch: bigint, onNews: (line: string) => void) {
    this.#context = context;
    this.#epoch = epoch;
    this.#sinceMs = context.clock.now().monoMs;
    this.#onNews = onNews;
  }

  get followed(): Followed {
    return { moments: this.#moments, lease: this.#lease, request: this.#request };
  }

  /** Looks until one of them is true, or the time is over; true = it became true. @throws store errors that are final. */
  async until(reached: (followed: Followed) => boolean, limitMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#context;
    const untilMs = clock.now().monoMs + limitMs;
    for (;;) {
      try {
        await this.#look(signal);
      } catch (error) {
        if (!hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME")) throw error;
      }
      if (reached(this.followed)) return true;
      if (clock.now().monoMs >= untilMs) return false;
      await this.#pause(signal);
    }
  }

  /** A change of the lease ends it early: a release may be seen for a moment only, before a successor takes it. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { store, paths, clock } = this.#context;
    const changed = new AbortController();
    const ended = AbortSignal.any([signal, changed.signal]);
    store.watch(paths.lease, () => changed.abort(), ended);
    try {
      await clock.sleep(POLL_MS, ended);
    } catch (error) {
      if (!changed.signal.aborted) throw error;
    } finally {
      changed.abort();
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const call = { timeoutMs: CALL_MS, signal };
    const lease = (await readLease(this.#context, call))?.record ?? null;
    if (lease === null) return;
    this.#lease = lease;
    const { epoch, state, agent } = lease;
    if (epoch === this.#epoch && state.kind !== "held" && this.#moments.releasedMs === null) {
      this.#mark({ releasedMs: this.#now() });
      const left = state.kind === "yield" ? `, and left something behind: ${state.needsFence}` : "";
      this.#onNews(`epoch ${epoch} on ${agent} is ${state.kind === "yield" ? "yielded" : state.kind}${left}`);
    }
    if (epoch <= this.#epoch) return;
    if (this.#moments.takenMs === null) {
      this.#mark({ takenMs: this.#now() });
      this.#onNews(`epoch ${epoch} was won by ${agent}`);
    }
    await this.#lookAtStart(lease, call);
  }

  async #lookAtStart(
    { epoch, agent, run }: LeaseRecord,
    call: { timeoutMs: number; signal: AbortSignal },
  ): Promise<void> {
    const request = await readRequest(this.#context, storePaths.request(this.#context.identity.service), call);
    if (request?.epoch === epoch && request.run === run) {
      this.#request = request;
      if (request.state === "ready" && this.#moments.attachedMs === null) {
        this.#mark({ attachedMs: this.#now() });
        this.#onNews(`the storage is attached to ${agent}`);
      }
    }
    if (this.#moments.startedMs !== null) return;
    const history = await readHistory(this.#context, call);
    const stopped = history?.entries.some((entry) => entry.epoch === this.#epoch && entry.kind === "stopped") === true;
    if (stopped && this.#moments.releasedMs === null) {
      // It was taken before anybody saw it free: what passed between the two is less than one look.
      this.#mark({ releasedMs: this.#moments.takenMs });
      this.#onNews(`epoch ${this.#epoch} stopped and released`);
    }
    if (history?.entries.some((entry) => entry.epoch === epoch && entry.kind === "started") !== true) return;
    this.#mark({ startedMs: this.#now() });
    this.#onNews(`the application of epoch ${epoch} was started on ${agent}`);
  }

  #mark(moment: Partial<HandoverMoments>): void {
    this.#moments = { ...this.#moments, ...moment };
  }

  #now(): number {
    return this.#context.clock.now().monoMs - this.#sinceMs;
  }
}

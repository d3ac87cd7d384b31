import { errorCode, type QueueTicket, timeBudget } from "@holdfast/core";
import type { LeaseContext } from "./identity.js";
import type { Wakeup } from "./wakeup.js";

const LEAVE_TIMEOUT_MS = 1_000;

/**
 * A candidate's place among others. Everything about it is a hint: it orders who tries first and forbids nobody, so
 * no failure here stops a candidate; it then counts as first, and the version-checked write decides (rule 8).
 */
export class CandidateQueue {
  readonly #context: LeaseContext;
  readonly #wakeup: Wakeup;
  readonly #signal: AbortSignal;
  #ticket: QueueTicket | undefined;
  #watchesRecord = false;
  #watchesPredecessor = false;
  #entered = false;
  #place = 0;

  constructor(context: LeaseContext, wakeup: Wakeup, signal: AbortSignal) {
    this.#context = context;
    this.#wakeup = wakeup;
    this.#signal = signal;
  }

  get place(): number {
    return this.#place;
  }

  /** Idempotent. */
  async enter(): Promise<void> {
    if (this.#entered) return;
    this.#entered = true;
    const { store, paths, identity, clock } = this.#context;
    await this.#hint(async () => {
      this.#ticket = await store.enqueue(
        paths.queue,
        { run: `${identity.host}:${identity.pid}`, agent: identity.agent, since: clock.wallTime() },
        this.#call(),
      );
      this.#place = await this.#ticket.place(this.#call());
    });
  }

  /** Asks again where this candidate stands. */
  async refresh(): Promise<void> {
    const ticket = this.#ticket;
    if (ticket === undefined) return;
    await this.#hint(async () => {
      this.#place = await ticket.place(this.#call());
    });
  }

  /** Watches what this candidate waits for. Only the first watches the record; the others wake when the one ahead leaves, so a hand-over wakes one. */
  watch(path: string): void {
    if (this.#place === 0 && !this.#watchesRecord) {
      this.#watchesRecord = true;
      this.#context.store.watch(path, this.#wakeup.wake, this.#signal);
    } else if (this.#place > 0 && !this.#watchesPredecessor && this.#ticket !== undefined) {
      this.#watchesPredecessor = true;
      this.#ticket.onPredecessorGone(() => {
        this.#watchesPredecessor = false;
        this.#wakeup.wake();
      }, this.#signal);
    }
  }

  async leave(): Promise<void> {
    const ticket = this.#ticket;
    this.#ticket = undefined;
    if (ticket === undefined) return;
    await this.#hint(() => ticket.leave({ timeoutMs: LEAVE_TIMEOUT_MS }));
  }

  #call() {
    return { timeoutMs: timeBudget(this.#context.timing).silenceMs, signal: this.#signal };
  }

  async #hint(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      // A store error leaves the place as it was; anything else is a defect and must surface.
      if (errorCode(error) === undefined && !this.#signal.aborted) throw error;
    }
  }
}

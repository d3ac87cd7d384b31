import { randomUUID } from "node:crypto";
import type { Attempt, Clock, Instant } from "@holdfast/core";

/**
 * Numbers and stamps this process's write attempts. The nonce is new in every process, so a restarted one can
 * never repeat an attempt of its predecessor.
 */
export class Attempts {
  readonly nonce: string = randomUUID();
  readonly #clock: Clock;
  readonly #stamps = new Map<number, Instant>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the stamp: call immediately before sending, never after. */
  next(): { readonly attempt: Attempt; readonly stamp: Instant } {
    const n = ++this.#last;
    const stamp = this.#clock.now();
    this.#stamps.set(n, stamp);
    return { attempt: { nonce: this.nonce, n }, stamp };
  }

  get stamps(): ReadonlyMap<number, Instant> {
    return this.#stamps;
  }

  /** Attempts up to `n` need no proof any more: a later one is confirmed. */
  settle(n: number): void {
    for (const older of this.#stamps.keys()) if (older <= n) this.#stamps.delete(older);
  }
}

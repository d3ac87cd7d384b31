/**
 * Rows are played side by side, and a wrapper that starts takes a processor for some tenths of a second. A row that is
 * about to measure milliseconds waits until nothing starts, and holds starts up until it has measured: so that the
 * number is the product's and not the suite's own load.
 */
export class Quiet {
  #starting = 0;
  /** Rows that measure now (one at most) or want to. */
  readonly #measuring: symbol[] = [];
  readonly #changed = new Set<() => void>();

  /** @returns what to call when the start is over; idempotent. */
  async beginStart(): Promise<() => void> {
    await this.#until(() => this.#measuring.length === 0);
    this.#starting += 1;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#starting -= 1;
      this.#notify();
    };
  }

  /** One at a time, in the order of asking. */
  async measure<T>(action: () => Promise<T>): Promise<T> {
    const place = Symbol("place");
    this.#measuring.push(place);
    try {
      await this.#until(() => this.#starting === 0 && this.#measuring[0] === place);
      return await action();
    } finally {
      this.#measuring.splice(this.#measuring.indexOf(place), 1);
      this.#notify();
    }
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#changed.add(resolve));
  }

  #notify(): void {
    const waiting = [...this.#changed];
    this.#changed.clear();
    for (const wake of waiting) wake();
  }
}

/** All rows of one test process share the machine, so they share this. */
export const quiet = new Quiet();

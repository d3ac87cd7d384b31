import { HoldfastError, hasCode, type StoreCallOptions, type StoreHealth } from "@holdfast/core";
import { bounded, monotonicMs } from "@holdfast/effects";
import { translateError } from "./errors.js";
import { type AnchoredRoot, anchorRoot, type StoreIdentity } from "./root.js";

/** One call on its way. */
export interface StoreCall {
  /** The store's root; good for this call only. */
  readonly root: string;
  /** The same for messages. */
  readonly shownRoot: string;
  /**
   * Announces the system call that makes a write take effect. Does not return when the caller has given up: what
   * was reported as "no effect" must never get one.
   */
  beginEffect(): void;
  /** That system call certainly did nothing. */
  effectRefused(): void;
}

/**
 * Calls whose caller gave up but which a file system still holds. Each occupies one of libuv's four threads, so
 * further calls wait for one of these to return before they begin, and the process keeps threads for other work.
 */
const STUCK_CALLS_MAX = 2;

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** Bounds every call, and knows at its end whether it may have had an effect. */
export class CallRunner {
  readonly #directory: string;
  readonly #stuck = new Set<Promise<unknown>>();
  #identity: StoreIdentity | undefined;
  #state: StoreHealth["state"] = "connecting";
  #lastAnswerMs: number | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  health(): StoreHealth {
    const silentMs = this.#lastAnswerMs === null ? null : monotonicMs() - this.#lastAnswerMs;
    return { state: this.#state, endpoint: this.#directory, silentMs };
  }

  /** Every call from now on fails. */
  close(): void {
    this.#state = "closed";
  }

  /** The first contact: learns which store it is. */
  async open(options: StoreCallOptions, body: (signal: AbortSignal) => Promise<StoreIdentity>): Promise<void> {
    this.#identity = await this.#bound("open", options, async (attempt) => body(attempt.given));
  }

  /** @throws what the body throws, its failed system calls as `STORE_UNREACHABLE` or `UNKNOWN_OUTCOME`. */
  run<T>(what: string, options: StoreCallOptions, body: (call: StoreCall) => Promise<T>): Promise<T> {
    return this.#bound(what, options, async (attempt) => {
      const identity = this.#identity;
      if (identity === undefined) {
        throw new HoldfastError("STORE_UNREACHABLE", `The store ${this.#directory} was not opened.`, {
          hint: "Call open first.",
        });
      }
      const root = await anchorRoot(this.#directory, identity);
      return attempt.during(root, this.#directory, body);
    });
  }

  async #bound<T>(what: string, options: StoreCallOptions, body: (attempt: Attempt) => Promise<T>): Promise<T> {
    options.signal?.throwIfAborted();
    if (this.#state === "closed") {
      throw new HoldfastError("STORE_CLOSED", `The store ${this.#directory} was closed.`, {
        hint: "Open another one.",
      });
    }
    const attempt = new Attempt();
    const work: Promise<Outcome<T>> = this.#afterStuckCalls(attempt)
      .then(() => body(attempt))
      .then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
    let outcome: Outcome<T>;
    try {
      outcome = await bounded(work, {
        timeoutMs: options.timeoutMs,
        signal: options.signal,
        code: "STORE_UNREACHABLE",
        what: `${what} in the store ${this.#directory}`,
        hint: "Does the disk hang? Look for processes in state D and at the kernel log.",
      });
    } catch (error) {
      attempt.abandon();
      this.#rememberStuck(work);
      if (options.signal?.aborted === true) throw error;
      const failure = attempt.mayHaveEffect ? unknownOutcome(error) : error;
      this.#answered(failure);
      throw failure;
    }
    if ("value" in outcome) {
      this.#answered(undefined);
      return outcome.value;
    }
    const failure = translateError(outcome.error, what, this.#directory, !attempt.mayHaveEffect);
    this.#answered(failure);
    throw failure;
  }

  async #afterStuckCalls(attempt: Attempt): Promise<void> {
    while (this.#stuck.size >= STUCK_CALLS_MAX) {
      await Promise.race(this.#stuck);
      attempt.assertWanted();
    }
  }

  #rememberStuck(work: Promise<unknown>): void {
    this.#stuck.add(work);
    void work.then(() => this.#stuck.delete(work));
  }

  #answered(failure: unknown): void {
    const silent = hasCode(failure, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME");
    if (!silent) this.#lastAnswerMs = monotonicMs();
    if (this.#state !== "closed") this.#state = silent ? "disconnected" : "connected";
  }
}

function unknownOutcome(cause: unknown): HoldfastError {
  return new HoldfastError("UNKNOWN_OUTCOME", cause instanceof Error ? cause.message : String(cause), {
    hint: "It may take effect yet. Read the record: only the exact bytes written prove that it did.",
    retryable: true,
    cause,
  });
}

class Attempt {
  readonly #controller = new AbortController();
  #effectBegun = false;

  /** Aborts when the caller has given up. */
  get given(): AbortSignal {
    return this.#controller.signal;
  }

  get mayHaveEffect(): boolean {
    return this.#effectBegun;
  }

  abandon(): void {
    this.#controller.abort();
  }

  /** The reason is seen by nobody: whoever waited has an answer already. */
  assertWanted(): void {
    this.#controller.signal.throwIfAborted();
  }

  async during<T>(root: AnchoredRoot, shownRoot: string, body: (call: StoreCall) => Promise<T>): Promise<T> {
    try {
      return await body({
        root: root.path,
        shownRoot,
        beginEffect: () => {
          this.assertWanted();
          this.#effectBegun = true;
        },
        effectRefused: () => {
          this.#effectBegun = false;
        },
      });
    } finally {
      await root.release();
    }
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import { type Backoff, backoffMs } from "./backoff.js";
import type { HttpStream } from "./client.js";
import { createMailbox, type Mailbox } from "./mailbox.js";

/** Turns the bytes of one connection into records. Made anew for each connection. */
export interface RecordParser<T> {
  /** @throws any error when the bytes cannot be what they should; the connection is then given up. */
  push(chunk: Uint8Array): readonly T[];
}

export type Watched<T> =
  /**
   * Something may have been missed: read everything again. Comes after each connection that was made, before its first
   * record, and when the consumer fell behind so far that records were dropped.
   */
  | { readonly kind: "resync"; readonly why: string; readonly endpoint: string }
  | { readonly kind: "record"; readonly value: T }
  /** Not connected. The next attempt follows by itself; what is known grows old meanwhile. */
  | { readonly kind: "down"; readonly error: unknown; readonly retryInMs: number };

export interface WatchOptions<T> {
  /** Makes a connection, within a bound of its own. */
  readonly open: (signal: AbortSignal) => Promise<HttpStream>;
  readonly parser: () => RecordParser<T>;
  /** A connection on which no byte arrives for so long is dead. */
  readonly silenceMs: number;
  /**
   * How long after the head of the answer the subscription is taken to stand although no record proved it yet; null: only
   * a record proves it.
   */
  readonly settledAfterMs: number | null;
  readonly backoff: Backoff;
  /** Records kept for a slow consumer; beyond, they are dropped and a `resync` takes their place. Default 10 000. */
  readonly recordsMax?: number;
  readonly signal: AbortSignal;
}

/**
 * Follows a stream over connections that break, until the signal aborts or the consumer leaves; it never ends by itself
 * and throws nothing but the signal's reason. It reads while the consumer is busy, so that a slow consumer is not
 * mistaken for a dead server and is not thrown out by it.
 */
export async function* watch<T>(options: WatchOptions<T>): AsyncGenerator<Watched<T>, void, void> {
  options.signal.throwIfAborted();
  const own = new AbortController();
  const onAbort = () => own.abort(options.signal.reason);
  options.signal.addEventListener("abort", onAbort, { once: true });
  const mailbox = createMailbox<T>(options.recordsMax ?? 10_000);
  const reading = keepConnected(options, mailbox, own.signal).then(
    () => mailbox.fail(own.signal.reason),
    // A defect of ours; told to the consumer and not lost in a promise that nobody looks at.
    (error: unknown) => mailbox.fail(own.signal.aborted ? own.signal.reason : error),
  );
  try {
    for (;;) yield await mailbox.take();
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    own.abort(new Error("the consumer left"));
    await reading;
  }
}

async function keepConnected<T>(options: WatchOptions<T>, mailbox: Mailbox<T>, signal: AbortSignal): Promise<void> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    let error: unknown;
    try {
      const stream = await options.open(signal);
      error = await follow(stream, options, mailbox, () => {
        failures = 0;
      });
    } catch (failure) {
      error = failure;
    }
    if (signal.aborted) return;
    const retryInMs = backoffMs(Math.max(1, failures), options.backoff, Math.random());
    mailbox.put({ kind: "down", error, retryInMs });
    await sleep(retryInMs, undefined, { signal });
  }
}

/** Reads one connection to its end; resolves with the reason why it ended. */
async function follow<T>(
  stream: HttpStream,
  options: WatchOptions<T>,
  mailbox: Mailbox<T>,
  onRecord: () => void,
): Promise<unknown> {
  const endpoint = stream.url.origin;
  const parser = options.parser();
  let silent = false;
  let recordSeen = false;
  let chunks = 0;
  const silence = setTimeout(() => {
    // After a stall of this process the timer is due before the bytes that wait in the socket were looked at; they are
    // by the time of the immediate.
    const seen = chunks;
    setImmediate(() => {
      if (chunks !== seen) return;
      silent = true;
      stream.close();
    });
  }, options.silenceMs);
  // The head of the answer may come before the server listens to its own events (Marathon sends it first). A snapshot that
  // was read in between would miss what happened then; the first record proves that it listens.
  const settled =
    options.settledAfterMs === null
      ? undefined
      : setTimeout(() => mailbox.put({ kind: "resync", why: "connected", endpoint }), options.settledAfterMs);
  try {
    for await (const chunk of stream.chunks) {
      chunks += 1;
      silence.refresh();
      for (const value of parser.push(chunk)) {
        if (!recordSeen) {
          recordSeen = true;
          clearTimeout(settled);
          mailbox.put({ kind: "resync", why: "connected, and the first record arrived", endpoint });
          onRecord();
        }
        mailbox.put({ kind: "record", value }, endpoint);
      }
    }
    return silenceOr(silent, options.silenceMs, new Error(`${endpoint} ended the stream`));
  } catch (error) {
    return silenceOr(silent, options.silenceMs, error);
  } finally {
    clearTimeout(silence);
    clearTimeout(settled);
    stream.close();
  }
}

function silenceOr(silent: boolean, silenceMs: number, error: unknown): unknown {
  return silent ? new Error(`no byte for ${silenceMs} ms`) : error;
}

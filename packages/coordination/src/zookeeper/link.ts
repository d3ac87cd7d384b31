import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError, type Logger, type Secret } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import type { ClientServer } from "./client-internals.js";
import { ReplyCode, ReplyError, wasLost } from "./reply-codes.js";
import { type Request, Session } from "./session.js";
import { type CallSubject, translateReply, unanswered } from "./translate.js";
import type { Transport } from "./transport.js";
import type { Workarounds } from "./workarounds.js";

export interface LinkOptions {
  readonly transport: Transport;
  readonly connectionString: string;
  readonly sessionTimeoutMs: number;
  readonly silenceMs: number;
  readonly auth: Secret | null;
  readonly workarounds: Workarounds;
  /** Tries the servers in the order given; otherwise in random order, which spreads the clients. */
  readonly inOrder: boolean;
  readonly logger: Logger | undefined;
}

export interface Bound {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Called at every connect; `fresh` when the session is a new one and with it all watches and ephemeral nodes are gone. */
export type ConnectListener = (fresh: boolean) => void;

interface Waiter {
  readonly connected: (session: Session) => void;
  readonly failed: (error: unknown) => void;
}

const CLOSE_MS = 1_000;
/** A request that ends every connection it is sent on must not become a storm of connections. */
const RESEND_PAUSE_MS = 25;
/** Nor must a server that refuses everybody. */
const REFUSED_PAUSE_MS = 1_000;

/**
 * The connection to an ensemble over any number of sessions: replaces dead clients, holds calls back until there is a
 * connection, bounds each of them, and knows of each whether it was sent.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<ConnectListener>();
  /** Why each server could not be reached, since the last success. */
  readonly #failures = new Map<string, { readonly reason: string; readonly refusal: HoldfastError | null }>();
  #servers: readonly (ClientServer & { readonly label: string })[] = [];
  #session: Session | undefined;
  #everConnected = false;
  #lastHeardMs: number | null = null;
  #replaceTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Begins to connect and waits for the first connection. @throws `STORE_UNREACHABLE`; a refusal of all servers. */
  async open(bound: Bound): Promise<void> {
    const opened = await this.#options.transport.open({
      failed: (label, reason, refusal) => this.#failed(label, reason, refusal),
    });
    if (this.#closed) {
      await this.#options.transport.close();
      throw closedError();
    }
    this.#servers = this.#options.inOrder ? opened : shuffled(opened);
    this.#startSession();
    await this.#whenUsable({ repeatable: true, what: "connect" }, monotonicMs() + bound.timeoutMs, bound);
  }

  get state(): "connecting" | "connected" | "disconnected" | "closed" {
    if (this.#closed) return "closed";
    if (this.#session?.usable === true) return "connected";
    return this.#everConnected ? "disconnected" : "connecting";
  }

  get label(): string {
    return this.#session?.label ?? "";
  }

  get serverCount(): number {
    return this.#servers.length;
  }

  get silentMs(): number | null {
    const heard = this.#session?.lastHeardMs ?? this.#lastHeardMs;
    return heard === null ? null : monotonicMs() - heard;
  }

  /** Of the present session; what ephemeral nodes made now are owned by. */
  get sessionId(): Buffer | undefined {
    return this.#session?.id;
  }

  onConnect(listener: ConnectListener, signal: AbortSignal): void {
    if (signal.aborted) return;
    setMaxListeners(0, signal);
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /**
   * Sends one request and waits for its answer.
   * @throws `STORE_UNREACHABLE` when it was never sent (or reads only), `UNKNOWN_OUTCOME` when it may have been; the
   *   translated error code of the answer; the signal's reason.
   */
  async call<T>(subject: CallSubject, request: Request<T>, bound: Bound): Promise<T> {
    const { workarounds } = this.#options;
    // Every call that waits listens to its signal, and one signal may bound hundreds of calls.
    if (bound.signal !== undefined) setMaxListeners(0, bound.signal);
    const untilMs = monotonicMs() + bound.timeoutMs;
    let lost = 0;
    let mayBeUnauthenticated = this.#options.auth !== null && workarounds.retriesRefusedOnce;
    for (;;) {
      const session = workarounds.holdsCallsUntilConnected
        ? await this.#whenUsable(subject, untilMs, bound)
        : this.#current();
      // It may have gone between the event and now; handing the request over then would queue it unsent.
      if (workarounds.holdsCallsUntilConnected && !session.usable) continue;
      bound.signal?.throwIfAborted();
      try {
        const answer = session.send(request);
        return workarounds.settlesEveryCall ? await within(answer, subject, untilMs, bound) : await answer;
      } catch (error) {
        if (!(error instanceof ReplyError)) throw error;
        if (error.replyCode === ReplyCode.NO_AUTH && mayBeUnauthenticated) {
          // Refused for certain. The authentication that the client sent on connecting has been handled by now.
          mayBeUnauthenticated = false;
        } else if (!subject.repeatable || !wasLost(error.replyCode)) {
          throw translateReply(error, subject);
        } else {
          lost += 1;
          if (lost > 1) await pause(Math.min(untilMs - monotonicMs(), RESEND_PAUSE_MS * lost), bound.signal);
        }
      }
    }
  }

  changeServer(reason: string): void {
    if (this.#servers.length > 1) this.#session?.leaveServer(reason);
  }

  /** Idempotent; bounded. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#replaceTimer);
    for (const waiter of this.#waiters) waiter.failed(closedError());
    this.#listeners.clear();
    await this.#session?.close(CLOSE_MS);
    await this.#options.transport.close();
  }

  #current(): Session {
    if (this.#closed || this.#session === undefined) throw closedError();
    return this.#session;
  }

  #startSession(): void {
    const { connectionString, sessionTimeoutMs, silenceMs, auth, workarounds } = this.#options;
    let announced = false;
    const session: Session = new Session(
      { servers: this.#servers, connectionString, sessionTimeoutMs, silenceMs, auth, workarounds },
      {
        connected: () => {
          const fresh = !announced;
          announced = true;
          this.#connected(session, fresh);
        },
        disconnected: () => this.#awaitReturn(session),
        ended: (reason) => {
          this.#log("warn", "the ZooKeeper session ended", { reason });
          if (workarounds.replacesDeadClients) this.#replaceAfter(session, reason === "expired" ? 0 : REFUSED_PAUSE_MS);
        },
        failed: (label, reason) => {
          // What stands between has told why already, in more detail than the end of its connection can.
          if (!this.#options.transport.explains) this.#failed(label, reason, null);
        },
        silent: (label, reason) => this.#failed(label, reason, null),
        noticed: (what, detail) => this.#log("warn", what, detail),
      },
    );
    this.#session = session;
  }

  #connected(session: Session, fresh: boolean): void {
    clearTimeout(this.#replaceTimer);
    this.#everConnected = true;
    this.#failures.clear();
    this.#log("info", "connected to ZooKeeper", { server: session.label, fresh });
    for (const waiter of [...this.#waiters]) waiter.connected(session);
    for (const listener of [...this.#listeners]) listener(fresh);
  }

  /** A client that has seen more than the servers know is refused for ever; a new one starts from nothing. */
  #awaitReturn(session: Session): void {
    clearTimeout(this.#replaceTimer);
    if (!this.#options.workarounds.freshClientAfterSilence || !session.everConnected) return;
    const limitMs = 2 * session.sessionTimeoutMs;
    const silentMs = monotonicMs() - (session.lastHeardMs ?? monotonicMs());
    this.#replaceAfter(session, Math.max(0, limitMs - silentMs));
  }

  #replaceAfter(session: Session, ms: number): void {
    clearTimeout(this.#replaceTimer);
    if (ms === 0) this.#replace(session);
    else this.#replaceTimer = setTimeout(() => this.#replace(session), ms).unref();
  }

  #replace(session: Session): void {
    if (this.#closed || session !== this.#session || session.usable) return;
    this.#log("warn", "begins a new ZooKeeper session", { silentMs: this.silentMs });
    this.#lastHeardMs = session.lastHeardMs;
    session.dispose();
    this.#startSession();
  }

  #failed(label: string, reason: string, refusal: HoldfastError | null): void {
    this.#log("debug", "a ZooKeeper server could not be reached", { server: label, reason });
    this.#failures.set(label, { reason, refusal });
    if (this.#everConnected) return;
    const refusals = this.#servers.map((server) => this.#failures.get(server.label)?.refusal ?? null);
    const first = refusals[0] ?? null;
    // Trying again would give the same answers. Later it may be a server that comes back with a new certificate.
    if (first !== null && refusals.every((each) => each !== null)) {
      for (const waiter of [...this.#waiters]) waiter.failed(first);
    }
  }

  async #whenUsable(subject: CallSubject, untilMs: number, { timeoutMs, signal }: Bound): Promise<Session> {
    signal?.throwIfAborted();
    const present = this.#current();
    if (present.usable) return present;
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        signal?.removeEventListener("abort", aborted);
        action();
      };
      const waiter: Waiter = {
        connected: (session) => settle(() => resolve(session))(),
        failed: (error) => settle(() => reject(error))(),
      };
      const aborted = settle(() => reject(signal?.reason));
      const timer = setTimeout(
        settle(() => reject(this.#unreachable(subject, timeoutMs))),
        Math.max(0, untilMs - monotonicMs()),
      );
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", aborted, { once: true });
    });
  }

  #unreachable({ what }: CallSubject, timeoutMs: number): HoldfastError {
    const servers = this.#servers.map(
      ({ label }) => `${label} (${this.#failures.get(label)?.reason ?? "no answer yet"})`,
    );
    return new HoldfastError(
      "STORE_UNREACHABLE",
      `${what}: not sent, no connection to ZooKeeper for ${Math.round(timeoutMs)} ms: ${servers.join(", ")}.`,
      { hint: "Check that the servers run, are reachable from here, and have a quorum.", retryable: true },
    );
  }

  #log(level: "debug" | "info" | "warn", message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.logger?.log(level, message, fields);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }).catch(
    (error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    },
  );
}

async function within<T>(answer: Promise<T>, subject: CallSubject, untilMs: number, bound: Bound): Promise<T> {
  const { signal, timeoutMs } = bound;
  let timer: NodeJS.Timeout | undefined;
  let aborted: (() => void) | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unanswered(subject, timeoutMs)), Math.max(0, untilMs - monotonicMs()));
    aborted = () => reject(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
  });
  try {
    return await Promise.race([answer, limit]);
  } finally {
    clearTimeout(timer);
    if (aborted !== undefined) signal?.removeEventListener("abort", aborted);
  }
}

function closedError(): HoldfastError {
  return new HoldfastError("STORE_CLOSED", "The ZooKeeper store is not open.", {
    hint: "It was closed by its owner, or open() has not been called.",
  });
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

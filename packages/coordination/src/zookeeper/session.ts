import type { Socket } from "node:net";
import type { Secret } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import zookeeper, { type Client } from "node-zookeeper-client";
import { type ClientServer, type ConnectionManager, ConnectionState, connectionManagerOf } from "./client-internals.js";
import { patchClient } from "./client-patches.js";
import { ReplyCode, ReplyError, replyCodeOf } from "./reply-codes.js";
import type { Workarounds } from "./workarounds.js";

export interface SessionOptions {
  readonly servers: readonly (ClientServer & { readonly label: string })[];
  /** `host:port,host:port`: what the client insists on parsing itself. */
  readonly connectionString: string;
  readonly sessionTimeoutMs: number;
  readonly silenceMs: number;
  readonly auth: Secret | null;
  readonly workarounds: Workarounds;
}

export interface SessionEvents {
  readonly connected: () => void;
  readonly disconnected: () => void;
  /** The server ended the session: this object is of no further use. */
  readonly ended: (reason: "expired" | "authentication failed") => void;
  /** The socket to that server failed, or ended before the server had answered. */
  readonly failed: (label: string, reason: string) => void;
  /** That server owes an answer for too long. */
  readonly silent: (label: string, reason: string) => void;
  /** This client left a server on its own account, or met a defect. */
  readonly noticed: (what: string, detail: Readonly<Record<string, unknown>>) => void;
}

/** Calls one operation of the client; `done` is the client's callback. */
export type Request<T> = (client: Client, done: (error: unknown, value?: T) => void) => void;

interface Outstanding {
  readonly sentAtMs: number;
  readonly settle: (error: ReplyError) => void;
}

/** A healthy server answers the handshake of a new connection within this; doubled after each attempt that did not. */
const HANDSHAKE_MS = 1_000;
/** Replies are not looked after more often than this. */
const REPLY_CHECK_MS_MIN = 20;
/** After all servers refused, the client waits a random time up to this before it begins again. */
const spinDelayMs = (silenceMs: number) => Math.min(1_000, Math.max(100, silenceMs / 5));

/**
 * One client object of node-zookeeper-client and with it one ZooKeeper session, reconnects included. Adds what the
 * client lacks: it leaves a server that owes an answer, and every request is settled.
 */
export class Session {
  readonly #client: Client;
  readonly #manager: ConnectionManager;
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly #outstanding = new Set<Outstanding>();
  #usable = false;
  #disposed = false;
  #everConnected = false;
  #label = "";
  #lastHeardMs: number | null = null;
  #handshakeMs: number;
  #replyTimer: NodeJS.Timeout | undefined;
  #handshakeTimer: NodeJS.Timeout | undefined;
  #probeTimer: NodeJS.Timeout | undefined;

  constructor(options: SessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#handshakeMs = Math.min(options.silenceMs, HANDSHAKE_MS);
    this.#client = zookeeper.createClient(options.connectionString, {
      sessionTimeout: options.sessionTimeoutMs,
      spinDelay: spinDelayMs(options.silenceMs),
      retries: 0,
    });
    this.#manager = connectionManagerOf(this.#client);
    if (options.workarounds.ownServerList) this.#manager.servers = [...options.servers];
    if (options.auth !== null) this.#client.addAuthInfo("digest", Buffer.from(options.auth.reveal()));
    patchClient(this.#manager, options.workarounds, {
      socketMade: (socket) => this.#socketMade(socket),
      defect: (error) => events.noticed("the client could not read a message", { error: String(error) }),
    });
    this.#manager.on("state", (state) => this.#stateChanged(state));
    this.#client.connect();
  }

  /** Connected, and not about to leave that server. */
  get usable(): boolean {
    return this.#usable;
  }

  get everConnected(): boolean {
    return this.#everConnected;
  }

  /** The server it is connected to, or tries. */
  get label(): string {
    return this.#label;
  }

  /** Monotonic time of the last bytes that came from a server; null = none yet. */
  get lastHeardMs(): number | null {
    return this.#lastHeardMs;
  }

  /** As negotiated; may change with every reconnect. */
  get sessionTimeoutMs(): number {
    return this.#manager.sessionTimeout;
  }

  /** Eight bytes; what an ephemeral node of this session carries as its owner. */
  get id(): Buffer {
    return this.#client.getSessionId();
  }

  /** @throws {@link ReplyError}; also when the connection ends before the answer. Unbounded in time: callers bound it. */
  send<T>(request: Request<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#disposed && this.#options.workarounds.settlesEveryCall) {
        reject(new ReplyError(ReplyCode.CONNECTION_LOSS));
        return;
      }
      const call: Outstanding = { sentAtMs: monotonicMs(), settle: reject };
      this.#outstanding.add(call);
      this.#watchReplies();
      try {
        request(this.#client, (error, value) => {
          this.#outstanding.delete(call);
          // Success is reported as null by some operations and as undefined by others.
          if (error === null || error === undefined) resolve(value as T);
          else reject(toReplyError(error));
        });
      } catch (error) {
        this.#outstanding.delete(call);
        throw error;
      }
    });
  }

  /** Leaves the present server; the client goes on with the next one and keeps the session. */
  leaveServer(reason: string): void {
    const socket = this.#manager.socket;
    if (socket === undefined || socket.destroyed) return;
    this.#usable = false;
    this.#events.noticed("leaves the server", { server: this.#label, reason });
    // The timer would fire at whatever socket is the client's by then.
    if (this.#options.workarounds.clearsConnectTimer) this.#clearConnectTimer();
    abandon(socket);
  }

  /** Ends the session at the server if that can be done within `timeoutMs`, and this object in any case. */
  async close(timeoutMs: number): Promise<void> {
    if (!this.#options.workarounds.boundedClose) {
      this.#client.close();
      return;
    }
    if (this.#usable) {
      this.#usable = false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#manager.on("state", (state) => {
          if (state !== ConnectionState.DISCONNECTED && state !== ConnectionState.CLOSED) return;
          clearTimeout(timer);
          resolve();
        });
        this.#client.close();
      });
    }
    this.dispose();
  }

  /** Ends this object without a word to the server; whatever is outstanding is settled as lost. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#usable = false;
    clearTimeout(this.#replyTimer);
    clearTimeout(this.#handshakeTimer);
    clearInterval(this.#probeTimer);
    this.#clearConnectTimer();
    this.#manager.connect = () => undefined;
    this.#manager.socket?.destroy();
    this.#settleOutstanding();
  }

  #clearConnectTimer(): void {
    if (this.#manager.connectTimeoutHandler !== null) clearTimeout(this.#manager.connectTimeoutHandler);
  }

  /** The client forgets some of them: those queued when a session ends, and the one that a strange message was taken for. */
  #settleOutstanding(): void {
    if (!this.#options.workarounds.settlesEveryCall) return;
    for (const call of this.#outstanding) call.settle(new ReplyError(ReplyCode.CONNECTION_LOSS));
    this.#outstanding.clear();
  }

  #stateChanged(state: number): void {
    if (this.#disposed) return;
    if (state === ConnectionState.CONNECTED) {
      this.#usable = true;
      this.#everConnected = true;
      this.#handshakeMs = Math.min(this.#options.silenceMs, HANDSHAKE_MS);
      clearTimeout(this.#handshakeTimer);
      this.#probeWhenIdle();
      this.#events.connected();
    } else if (state === ConnectionState.DISCONNECTED) {
      this.#usable = false;
      clearTimeout(this.#handshakeTimer);
      clearInterval(this.#probeTimer);
      this.#settleOutstanding();
      this.#events.disconnected();
    } else if (state === ConnectionState.SESSION_EXPIRED) {
      this.#usable = false;
      this.#events.ended("expired");
    } else if (state === ConnectionState.AUTHENTICATION_FAILED) {
      this.#usable = false;
      this.#events.ended("authentication failed");
    }
  }

  #socketMade(socket: Socket): void {
    if (this.#disposed) {
      // The client had already decided to connect when it was given up.
      socket.on("error", () => socket.destroy());
      socket.destroy();
      // It makes the timer of this attempt just after the socket; nothing else would end the wait for it.
      queueMicrotask(() => this.#clearConnectTimer());
      return;
    }
    const label = this.#manager.servers[this.#manager.nextServerIndex]?.label ?? "";
    this.#label = label;
    socket.on("data", () => {
      this.#lastHeardMs = monotonicMs();
    });
    let explained = false;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      explained = true;
      this.#events.failed(label, error.code ?? error.message);
    });
    socket.on("end", () => {
      if (!explained && !this.#usable) this.#events.failed(label, "closed the connection without an answer");
    });
    if (!this.#options.workarounds.handshakeDeadline) return;
    const limitMs = this.#handshakeMs;
    clearTimeout(this.#handshakeTimer);
    this.#handshakeTimer = setTimeout(() => {
      afterPendingReads(() => {
        if (this.#usable || this.#disposed || this.#manager.socket !== socket) return;
        this.#handshakeMs = limitMs * 2;
        this.#events.silent(label, `no answer within ${limitMs} ms`);
        this.leaveServer("it does not answer the handshake");
      });
    }, limitMs).unref();
  }

  /** One timer, for the oldest request. Requests are answered in order, so its age is that of the connection. */
  #watchReplies(): void {
    if (this.#replyTimer !== undefined || !this.#options.workarounds.readDeadline) return;
    const oldest = this.#outstanding.values().next().value;
    if (oldest === undefined || this.#disposed) return;
    const leftMs = oldest.sentAtMs + this.#options.silenceMs - monotonicMs();
    this.#replyTimer = setTimeout(
      () => {
        afterPendingReads(() => {
          this.#replyTimer = undefined;
          const overdue = this.#outstanding.has(oldest) && oldest.sentAtMs + this.#options.silenceMs <= monotonicMs();
          if (overdue && this.#usable) {
            this.#events.silent(this.#label, `no answer within ${this.#options.silenceMs} ms`);
            this.leaveServer("it owes an answer");
          } else this.#watchReplies();
        });
      },
      Math.max(REPLY_CHECK_MS_MIN, leftMs),
    ).unref();
  }

  /** The client's own ping is answered or not and nobody looks; a request of ours is missed when it is not. */
  #probeWhenIdle(): void {
    clearInterval(this.#probeTimer);
    const quietMs = Math.max(100, this.sessionTimeoutMs / 3);
    this.#probeTimer = setInterval(() => {
      if (!this.#usable || this.#outstanding.size > 0) return;
      if (this.#lastHeardMs !== null && monotonicMs() - this.#lastHeardMs < quietMs / 2) return;
      this.send((client, done) => client.exists("/", done)).catch((error: unknown) =>
        this.#events.noticed("a probe was not answered", { error: String(error) }),
      );
    }, quietMs).unref();
  }
}

/** After a stall of this process timers fire first: replies that have arrived meanwhile must be read before their age counts. */
function afterPendingReads(action: () => void): void {
  setImmediate(action);
}

/** RST rather than FIN: what the kernel has not delivered yet must not be delivered later, when the link heals. */
function abandon(socket: Socket): void {
  const connected = socket.remoteAddress !== undefined;
  if (connected) socket.resetAndDestroy();
  else socket.destroy();
}

function toReplyError(error: unknown): Error {
  if (error instanceof ReplyError) return error;
  const code = replyCodeOf(error);
  if (code !== undefined) return new ReplyError(code, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

import {
  type CoordinationStore,
  HoldfastError,
  type QueueTicket,
  type StoreCallOptions,
  type StoreHealth,
} from "@holdfast/core";
import { bounded, monotonicMs } from "@holdfast/effects";
import { type StoreOperation, tookEffect } from "./faults.js";
import type { ServerContext } from "./server.js";

const RECORD_BYTES_MAX = 1_000_000;

/** What tests look at beside the interface. */
export interface FakeStore extends CoordinationStore {
  readonly name: string;
  /** Reasons given to `changeServer`. */
  readonly serverChanges: readonly string[];
  /** Calls made so far, by operation. */
  readonly calls: ReadonlyMap<StoreOperation, number>;
}

interface Call<T> {
  readonly op: StoreOperation;
  readonly path: string;
  readonly options: StoreCallOptions;
  readonly writes: boolean;
  readonly run: (versionsBehind: number) => T;
}

export function createFakeClient(server: ServerContext, name: string): FakeStore {
  const { state } = server;
  const serverChanges: string[] = [];
  const calls = new Map<StoreOperation, number>();
  let health: StoreHealth["state"] = "connecting";
  let lastAnswerMs: number | null = null;

  async function call<T>({ op, path, options, writes, run }: Call<T>): Promise<T> {
    options.signal?.throwIfAborted();
    if (health === "closed")
      throw new HoldfastError("STORE_CLOSED", "The store was closed.", { hint: "Open another." });
    calls.set(op, (calls.get(op) ?? 0) + 1);
    const silent = writes ? "UNKNOWN_OUTCOME" : "STORE_UNREACHABLE";
    const taken = server.faults.take({ op, path, client: name });
    await bounded(server.answering(), {
      timeoutMs: options.timeoutMs,
      signal: options.signal,
      code: silent,
      what: `${op} ${path}`,
      hint: "The fake store hangs.",
    }).catch((error: unknown) => {
      health = "disconnected";
      throw error;
    });
    if (server.outage() || server.killed.has(name)) throw away("STORE_UNREACHABLE", op, path);
    const fault = taken?.fault;
    switch (fault?.kind) {
      case "refused":
        throw away(fault.code, op, path);
      case "lost-request":
        throw away(silent, op, path);
      case "lost-reply":
        tookEffect(() => run(0));
        throw away(silent, op, path);
      case "late":
        taken?.withhold(() => tookEffect(() => run(0)));
        throw away(silent, op, path);
      case "stale-read":
      case undefined: {
        const result = run(fault?.versionsBehind ?? 0);
        health = "connected";
        lastAnswerMs = monotonicMs();
        return result;
      }
    }
  }

  function away(code: "STORE_UNREACHABLE" | "UNKNOWN_OUTCOME" | "DENIED", op: string, path: string): HoldfastError {
    if (code !== "DENIED") health = "disconnected";
    return new HoldfastError(code, `${op} ${path} got no answer.`, { hint: "A test asked for this.", retryable: true });
  }

  function ticketFor(path: string, id: number): QueueTicket {
    const ahead = () => state.queue(path).findIndex((ticket) => ticket.id === id);
    return {
      place: (options) => call({ op: "place", path, options, writes: false, run: () => Math.max(0, ahead()) }),
      onPredecessorGone(listener, signal) {
        const predecessor = state.queue(path)[ahead() - 1];
        if (predecessor === undefined || signal.aborted) return;
        const stop = state.watchTicket(path, predecessor.id, () => {
          stop();
          signal.removeEventListener("abort", stop);
          if (!signal.aborted) listener();
        });
        signal.addEventListener("abort", stop, { once: true });
      },
      leave: (options) => call({ op: "leave", path, options, writes: true, run: () => state.leave(path, id) }),
    };
  }

  return {
    name,
    serverChanges,
    calls,
    description: `fake store (${name})`,
    recordBytesMax: RECORD_BYTES_MAX,
    open: (options) => call({ op: "open", path: "", options, writes: false, run: () => undefined }),
    get: (path, options) =>
      call({
        op: "get",
        path,
        options,
        writes: false,
        run: (behind) => {
          const frozen = server.lagging.get(name);
          return frozen === undefined ? state.read(path, behind) : frozen(path);
        },
      }),
    create: async (path, data, options) => {
      assertFits(path, data);
      const owner = options.ephemeral === true ? name : null;
      return call({ op: "create", path, options, writes: true, run: () => state.create(path, data, owner) });
    },
    put: async (path, data, expected, options) => {
      assertFits(path, data);
      return call({ op: "put", path, options, writes: true, run: () => state.put(path, data, expected) });
    },
    delete: (path, expected, options) =>
      call({ op: "delete", path, options, writes: true, run: () => state.delete(path, expected) }),
    list: (path, options) => call({ op: "list", path, options, writes: false, run: () => state.list(path) }),
    watch(path, listener, signal) {
      if (signal.aborted) return;
      const stop = state.watch(path, listener);
      signal.addEventListener("abort", stop, { once: true });
    },
    async enqueue(path, candidate, options) {
      const run = () => ticketFor(path, state.enqueue(path, candidate, name).id);
      return call({ op: "enqueue", path, options, writes: true, run });
    },
    candidates: (path, options) =>
      call({
        op: "candidates",
        path,
        options,
        writes: false,
        run: () => state.queue(path).map((ticket) => ticket.candidate),
      }),
    health: () => ({
      state: health,
      endpoint: "memory",
      silentMs: lastAnswerMs === null ? null : monotonicMs() - lastAnswerMs,
    }),
    changeServer(reason) {
      serverChanges.push(reason);
      server.lagging.delete(name);
    },
    findings: (options) => call({ op: "findings", path: "", options, writes: false, run: () => [] }),
    async close() {
      if (health !== "closed") state.endSession(name);
      health = "closed";
    },
  };
}

function assertFits(path: string, data: Uint8Array): void {
  if (data.byteLength <= RECORD_BYTES_MAX) return;
  throw new HoldfastError("RECORD_TOO_LARGE", `${path}: ${data.byteLength} bytes.`, { hint: "Store less." });
}

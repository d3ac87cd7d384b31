import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type CoordinationStore, errorCode, type StoreVersion } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { expect, type TestContext } from "vitest";
import { isUnavailable, type StoreBackend, type Unavailable } from "./backend.js";
import { encodeCounter } from "./values.js";
import { StoreWorker, type WorkerOptions } from "./worker-process.js";

/** Long enough for any healthy answer on a busy machine. */
export const CALL = { timeoutMs: 10_000 };
const LOOK_EVERY_MS = 5;

/** What the tests of a suite share: the backend, and whatever a test opened, which ends with it. */
export class Suite {
  #backend: StoreBackend | undefined;
  readonly #stores: CoordinationStore[] = [];
  readonly #workers: StoreWorker[] = [];
  readonly #controllers: AbortController[] = [];

  get backend(): StoreBackend {
    if (this.#backend === undefined) throw new Error("The backend has not been started.");
    return this.#backend;
  }

  set backend(backend: StoreBackend) {
    this.#backend = backend;
  }

  /** A client in this process, open. */
  async open(): Promise<CoordinationStore> {
    const store = this.unopened();
    await store.open(CALL);
    return store;
  }

  unopened(): CoordinationStore {
    const store = this.backend.createStore();
    this.#stores.push(store);
    return store;
  }

  /** A client in a process of its own, open. Skips the test where the backend cannot be reached from another process. */
  async spawn(context: TestContext, options?: WorkerOptions): Promise<StoreWorker> {
    const recipe = demand(context, this.backend.processes);
    const worker = new StoreWorker(options);
    this.#workers.push(worker);
    await worker.open(recipe);
    return worker;
  }

  /** Aborts at the end of the test. */
  signal(): AbortSignal {
    const controller = new AbortController();
    this.#controllers.push(controller);
    return controller.signal;
  }

  async endTest(): Promise<void> {
    for (const controller of this.#controllers.splice(0)) controller.abort();
    for (const worker of this.#workers.splice(0)) await worker.kill();
    for (const store of this.#stores.splice(0)) await store.close();
  }
}

/** A record's path that no other test uses. */
export const freshPath = (name = "lease") => `services/s-${randomUUID().slice(0, 13)}/${name}`;

export const bytes = (text: string) => new TextEncoder().encode(text);
export const text = (data: Uint8Array | undefined) => (data === undefined ? undefined : new TextDecoder().decode(data));
export const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "done",
    (error: unknown) => errorCode(error) ?? String(error),
  );

/** Skips the test, naming the reason, when the backend lacks something. */
export function demand<T extends object>(context: TestContext, capability: T | Unavailable): T {
  if (isUnavailable(capability)) return context.skip(capability.unavailable);
  return capability;
}

export async function createCounter(store: CoordinationStore, path: string): Promise<StoreVersion> {
  return store.create(path, encodeCounter({ count: 0, attempt: "created" }), CALL);
}

/** Waits for something to be seen; fails with what was seen last. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  isIt: (seen: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  const startMs = monotonicMs();
  for (;;) {
    const seen = await look();
    if (isIt(seen)) return seen;
    if (monotonicMs() - startMs > withinMs) {
      expect.fail(`Not seen within ${withinMs} ms; last: ${JSON.stringify(seen)}`);
    }
    await sleep(LOOK_EVERY_MS);
  }
}

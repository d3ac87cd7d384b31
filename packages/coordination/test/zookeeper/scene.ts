import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type CoordinationStore, errorCode } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { type FaultProxy, startFaultProxy, type ZooKeeperServer } from "@holdfast/testkit";
import zookeeper, { type Client } from "node-zookeeper-client";
import type { ZooKeeperAddress, ZooKeeperStoreOptions } from "../../src/zookeeper/options.js";
import { createZooKeeperStoreWith, type StoreInternals } from "../../src/zookeeper/store.js";
import { WORKAROUNDS } from "../../src/zookeeper/workarounds.js";

/** Long enough for any healthy answer on a busy machine. */
export const CALL = { timeoutMs: 10_000 };
/** What the tests call a silent server; the smallest that a busy machine does not mistake. */
export const SILENCE_MS = 400;

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data);
export const freshPath = (name = "lease"): string => `services/s-${randomUUID().slice(0, 13)}/${name}`;

/** The code of an error, or "done". */
export const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "done",
    (error: unknown) => errorCode(error) ?? String(error),
  );

export async function timed<T>(action: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const startMs = monotonicMs();
  const value = await action();
  return { value, ms: Math.round(monotonicMs() - startMs) };
}

/** Settled within the limit, or not: for calls that a defect leaves hanging for ever. */
export async function settles(call: Promise<unknown>, limitMs: number): Promise<string> {
  return Promise.race([outcome(call), pause(limitMs, "never", { ref: false })]);
}

/** What one test made, ended together with it. */
export class Scene {
  readonly server: ZooKeeperServer;
  /** Nobody else's records, and nobody else's permissions. */
  readonly chroot = `/scene-${randomUUID()}`;
  readonly #ends: (() => Promise<void> | void)[] = [];

  constructor(server: ZooKeeperServer) {
    this.server = server;
  }

  defer(end: () => Promise<void> | void): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  /** A way to the server that can fail. */
  async proxy(): Promise<FaultProxy> {
    const proxy = await startFaultProxy({ host: this.server.host, port: this.server.port });
    this.defer(() => proxy.close());
    return proxy;
  }

  /** Not open. */
  store(
    servers: readonly ZooKeeperAddress[],
    options: Partial<ZooKeeperStoreOptions> = {},
    internals: Partial<StoreInternals> = {},
  ): CoordinationStore {
    const store = createZooKeeperStoreWith(
      {
        servers,
        chroot: this.chroot,
        createChroot: true,
        silenceMs: SILENCE_MS,
        sessionTimeoutMs: 2_000,
        ...options,
      },
      { workarounds: WORKAROUNDS, inOrder: true, ...internals },
    );
    this.defer(() => store.close());
    return store;
  }

  async open(
    servers: readonly ZooKeeperAddress[],
    options: Partial<ZooKeeperStoreOptions> = {},
    internals: Partial<StoreInternals> = {},
  ): Promise<CoordinationStore> {
    const store = this.store(servers, options, internals);
    await store.open(CALL);
    return store;
  }

  /** A file that only this user may read. */
  secretFile(content: string): string {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-test-"));
    this.defer(() => rmSync(directory, { recursive: true, force: true }));
    const file = join(directory, "secret");
    writeFileSync(file, `${content}\n`, { mode: 0o600 });
    return file;
  }

  /** The whole path of a record's node. */
  node(path: string): string {
    return `${this.chroot}/${path}`;
  }

  /** The client itself, for looking at and preparing nodes past the store. */
  async rawClient(auth?: string): Promise<Client> {
    const client = zookeeper.createClient(`${this.server.host}:${this.server.port}`, { sessionTimeout: 10_000 });
    if (auth !== undefined) client.addAuthInfo("digest", Buffer.from(auth));
    await new Promise<void>((resolve) => {
      client.once("connected", resolve);
      client.connect();
    });
    this.defer(() => client.close());
    return client;
  }
}

/** Calls one operation of the client itself. */
export function ask<T>(request: (done: (error: unknown, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    request((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}

/** Waits for something to be seen. */
export async function eventually(
  what: string,
  look: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const untilMs = monotonicMs() + limitMs;
  while (!(await look())) {
    if (monotonicMs() > untilMs) throw new Error(`not seen within ${limitMs} ms: ${what}`);
    await pause(5);
  }
}

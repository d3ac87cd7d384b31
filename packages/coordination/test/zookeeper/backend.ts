import { fileURLToPath } from "node:url";
import type { CoordinationStore, StoreCallOptions } from "@holdfast/core";
import {
  startZooKeeper,
  startZooKeeperEnsemble,
  type ZooKeeperEnsemble,
  type ZooKeeperServer,
} from "@holdfast/testkit";
import type { StoreBackend } from "@holdfast/testkit/vitest";
import zookeeper, { type Client } from "node-zookeeper-client";
import { createZooKeeperStore } from "../../src/zookeeper/index.js";
import type { ZooKeeperAddress, ZooKeeperStoreOptions } from "../../src/zookeeper/options.js";
import { ask, outcome } from "./scene.js";

const SESSION_MS = 2_000;
/** An ephemeral node is gone at the first tick after the session's time, counted from the server's last word of it. */
const EPHEMERAL_GONE_MS = SESSION_MS + 1_000;
const module = fileURLToPath(new URL("../../dist/zookeeper/index.js", import.meta.url));

const storeOptions = (servers: readonly ZooKeeperAddress[]): ZooKeeperStoreOptions => ({
  servers: servers.map(({ host, port }) => ({ host, port })),
  silenceMs: 1_000,
  sessionTimeoutMs: SESSION_MS,
});

export async function startSingleBackend(): Promise<StoreBackend> {
  const server = await startZooKeeper();
  return backend([server], {
    comeBack: async () => void (await server.start()),
    stop: () => server.dispose(),
  });
}

export async function startEnsembleBackend(): Promise<StoreBackend> {
  const ensemble: ZooKeeperEnsemble = await startZooKeeperEnsemble();
  return backend(ensemble.servers, {
    async comeBack() {
      for (const server of ensemble.servers) server.launch();
      await ensemble.whenComplete();
    },
    stop: () => ensemble.dispose(),
  });
}

interface Control {
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

function backend(servers: readonly ZooKeeperServer[], { comeBack, stop }: Control): StoreBackend {
  const options = storeOptions(servers);
  return {
    createStore: () => withCurrentReads(createZooKeeperStore(options)),
    processes: { module, exportName: "createZooKeeperStore", options },
    hang: {
      async hang() {
        for (const server of servers) await server.pause();
      },
      async resume() {
        for (const server of servers) server.resume();
      },
    },
    away: {
      async goAway() {
        for (const server of servers) await server.kill();
      },
      comeBack,
    },
    removeRecord: { remove: (path) => removeAsOperator(servers, path) },
    ephemeralGoneWithinMs: EPHEMERAL_GONE_MS,
    // A write checks the number only; the answer carries the identity (lease rule 3).
    refusesFormerCreation: false,
    stop,
  };
}

/**
 * The suite writes with one client and expects another one to see it at once. A follower may be a moment behind, which
 * no user of the store may mind; here every read follows a write of the same session, which brings its server up to
 * date. Deleting what does not exist is such a write and leaves nothing.
 */
function withCurrentReads(store: CoordinationStore): CoordinationStore {
  const current =
    <A extends unknown[], T>(read: (...parameters: A) => Promise<T>) =>
    async (...parameters: A): Promise<T> => {
      const options = parameters.at(-1) as StoreCallOptions;
      // A store that cannot write now is what the read itself will tell.
      await outcome(store.delete("barrier", { created: "", number: 0 }, options));
      return read(...parameters);
    };
  return {
    ...store,
    get: current(store.get),
    list: current(store.list),
    candidates: current(store.candidates),
    async enqueue(path, candidate, options) {
      const ticket = await store.enqueue(path, candidate, options);
      return { ...ticket, place: current(ticket.place) };
    },
  };
}

async function removeAsOperator(servers: readonly ZooKeeperServer[], path: string): Promise<void> {
  const client: Client = zookeeper.createClient(servers.map(({ host, port }) => `${host}:${port}`).join(","));
  await new Promise<void>((resolve) => {
    client.once("connected", resolve);
    client.connect();
  });
  await ask((done) => client.remove(`/${path}`, -1, (error) => done(error)));
  client.close();
}

import {
  type AgentNetwork,
  createAgentNetwork,
  directoryStore,
  ensembleStore,
  type FaultProfile,
  type FaultRow,
  holdfastWrapper,
  missingZooKeeperPackages,
  naiveWrapper,
  namespacesUnavailable,
  networksLeft,
  ownZooKeeperStore,
  playRow,
  proxiedZooKeeperStore,
  type RowResult,
  type RowStore,
  type StoreKind,
  type StoreProvider,
  sharedZooKeeperStore,
  startZooKeeper,
  startZooKeeperEnsemble,
} from "@holdfast/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executableUnderTest } from "./environment.js";

export interface PlannedRow {
  readonly row: FaultRow;
  readonly store: RowStore;
}

/** Every row on each of its stores. */
export function planRows(rows: readonly FaultRow[], wanted: (store: RowStore) => boolean = () => true): PlannedRow[] {
  return rows.flatMap((row) => row.stores.filter(wanted).map((store) => ({ row, store })));
}

/** What the table calls a store: that a server was the row's own is no other kind of store. */
export function kindOf(store: RowStore): StoreKind {
  return store === "own-zookeeper" || store === "proxied-zookeeper" ? "zookeeper" : store;
}

/** Those that every `pnpm test` plays. */
export function shortOnly(planned: readonly PlannedRow[]): PlannedRow[] {
  return planned.filter(({ row, store }) => row.short?.includes(store) === true);
}

/** What keeps a row from being played here, in words; undefined when nothing does. */
function unavailable({ row, store }: PlannedRow): string | undefined {
  const root = namespacesUnavailable();
  if (store === "directory") {
    // These change mounts; the others of this store need nothing but a directory.
    const needsMounts = row.volume === "disk" || row.group.startsWith("the machine was suspended");
    return needsMounts ? root : undefined;
  }
  const missing = missingZooKeeperPackages();
  return missing.length > 0 ? `ZooKeeper is not installed: ${missing.join(", ")}` : root;
}

/** Stores that the rows of one file share; made once, taken down whatever happens. */
class Stores {
  readonly #providers = new Map<RowStore, StoreProvider>();
  readonly #undo: (() => Promise<void>)[] = [];

  async open(kinds: ReadonlySet<RowStore>): Promise<void> {
    this.#providers.set("directory", directoryStore);
    if (kinds.has("ensemble")) {
      const ensemble = await startZooKeeperEnsemble();
      this.#undo.push(() => ensemble.dispose());
      this.#providers.set("ensemble", ensembleStore(ensemble));
    }
    if (kinds.has("zookeeper") || kinds.has("own-zookeeper") || kinds.has("proxied-zookeeper")) {
      const network = await createAgentNetwork();
      this.#undo.push(() => network.remove());
      await this.#openSingle(network);
    }
  }

  async #openSingle(network: AgentNetwork): Promise<void> {
    const server = await startZooKeeper({ host: network.address });
    this.#undo.push(() => server.dispose());
    this.#providers.set("zookeeper", sharedZooKeeperStore(`${server.host}:${server.port}`, network));
    this.#providers.set("own-zookeeper", ownZooKeeperStore(network));
    this.#providers.set("proxied-zookeeper", proxiedZooKeeperStore(server));
  }

  get(store: RowStore): StoreProvider {
    const provider = this.#providers.get(store);
    if (provider === undefined) throw new Error(`the store ${store} was not opened`);
    return provider;
  }

  async close(): Promise<void> {
    for (const step of this.#undo.reverse()) await step();
  }
}

export interface SuiteOptions {
  readonly profile: FaultProfile;
  /** `control`: the naive wrapper is played, and must show two writers. */
  readonly subject: "holdfast" | "control";
  /** Several rows at a time; off where rows share something that a fault strikes. */
  readonly concurrent: boolean;
  /** Told of every row that was played to its end. */
  readonly onResult?: (result: RowResult) => void;
}

/** Makes a test of every row. A row that cannot be played here is skipped by name, with the reason. */
export function describeRows(title: string, planned: readonly PlannedRow[], options: SuiteOptions): void {
  describe(title, () => {
    const stores = new Stores();
    beforeAll(async () => {
      await stores.open(new Set(planned.filter((plan) => unavailable(plan) === undefined).map(({ store }) => store)));
    });
    afterAll(async () => {
      await stores.close();
      expect(await networksLeft()).toEqual([]);
    });
    describe("row", { concurrent: options.concurrent }, () => {
      for (const plan of planned) {
        const title = `${plan.row.name} [${plan.store}]`;
        test(title, { timeout: options.profile.patienceMs * 3 }, async ({ skip }) => {
          const reason = unavailable(plan);
          skip(reason !== undefined, reason);
          await playAndExpect(plan, stores.get(plan.store), options);
        });
      }
    });
  });
}

async function playAndExpect(
  { row }: PlannedRow,
  store: StoreProvider,
  { profile, subject, onResult }: SuiteOptions,
): Promise<void> {
  const wrapper = subject === "control" ? naiveWrapper() : holdfastWrapper(executableUnderTest());
  const { result, report } = await playRow(row, { wrapper, store, profile });
  onResult?.(result);
  if (subject === "control") {
    // Nothing but two writers is expected of it; how many milliseconds is the machine's affair.
    expect(result.overlapMs, report).toBeGreaterThan(0);
    return;
  }
  expect(result.problems, `${JSON.stringify(result, null, 1)}\n${report}`).toEqual([]);
}

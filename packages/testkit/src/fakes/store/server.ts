import { createFakeClient, type FakeStore } from "./client.js";
import { type FaultTarget, type InjectedFault, type StoreFault, StoreFaults } from "./faults.js";
import { FakeStoreState, type VersionCheck } from "./state.js";

export interface FakeStoreServer {
  /** A client of its own: own ephemerals, own health. Names are unique; faults are aimed by them. */
  connect(name?: string): FakeStore;
  /** Hits the next matching call (or several). */
  inject(target: FaultTarget, fault: StoreFault): InjectedFault;
  /** Every call fails with STORE_UNREACHABLE until it is set back. */
  outage: boolean;
  /** Calls do not return until `resume`; their callers time out. */
  hang(): void;
  resume(): void;
  /** The client's reads go on showing the present state whatever is written, until it changes server. */
  lag(client: string): void;
  /** As an operator would do it: without a version check. */
  removeRecord(path: string): void;
  /** The store loses everything. */
  loseData(): void;
  /** The client's process dies: its ephemerals and queue places go, its calls fail from now on. */
  kill(client: string): void;
}

export interface ServerContext {
  readonly state: FakeStoreState;
  readonly faults: StoreFaults;
  readonly outage: () => boolean;
  /** Settles when the store answers at all. */
  readonly answering: () => Promise<void>;
  readonly lagging: Map<string, ReturnType<FakeStoreState["freeze"]>>;
  readonly killed: Set<string>;
}

/** A store in memory that several clients share, with faults on command and no time of its own. */
export function createFakeStoreServer(options: { readonly versionCheck?: VersionCheck } = {}): FakeStoreServer {
  const state = new FakeStoreState(options.versionCheck ?? "strict");
  const faults = new StoreFaults();
  let outage = false;
  let answering = Promise.resolve();
  let resume: (() => void) | undefined;
  let clients = 0;
  const context: ServerContext = {
    state,
    faults,
    outage: () => outage,
    answering: () => answering,
    lagging: new Map(),
    killed: new Set(),
  };
  return {
    connect(name) {
      clients += 1;
      return createFakeClient(context, name ?? `client-${clients}`);
    },
    inject: (target, fault) => faults.inject(target, fault),
    get outage() {
      return outage;
    },
    set outage(value) {
      outage = value;
    },
    hang() {
      answering = new Promise((resolve) => {
        resume = resolve;
      });
    },
    resume: () => resume?.(),
    lag: (client) => void context.lagging.set(client, state.freeze()),
    removeRecord: (path) => state.remove(path),
    loseData: () => state.empty(),
    kill(client) {
      context.killed.add(client);
      state.endSession(client);
    },
  };
}

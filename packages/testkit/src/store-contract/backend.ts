import type { CoordinationStore } from "@holdfast/core";

/** Something a backend cannot do, with the reason that the test report prints. */
export interface Unavailable {
  readonly unavailable: string;
}

export function isUnavailable<T extends object>(capability: T | Unavailable): capability is Unavailable {
  return "unavailable" in capability;
}

/** How another process makes a client of the same store: what the module exports under that name is called. */
export interface StoreRecipe {
  /** Absolute path or URL of an ES module. */
  readonly module: string;
  readonly exportName: string;
  /** The only argument; passed between processes, so plain data. */
  readonly options: unknown;
}

/** A running store under test, with the faults that it can be given. */
export interface StoreBackend {
  /** Another client in this process; not opened. */
  createStore(): CoordinationStore;
  readonly processes: StoreRecipe | Unavailable;
  /** The store stops answering without going away: calls neither return nor fail. */
  readonly hang: { hang(): Promise<void>; resume(): Promise<void> } | Unavailable;
  /** The store goes away: calls can fail at once. */
  readonly away: { goAway(): Promise<void>; comeBack(): Promise<void> } | Unavailable;
  /** Removes a record as an operator would, past all checks. */
  readonly removeRecord: { remove(path: string): Promise<void> } | Unavailable;
  /** How long after the death of its creator an ephemeral record may still be seen, milliseconds. */
  readonly ephemeralGoneWithinMs: number;
  /**
   * A write that expects a former creation of a record is refused. Otherwise it may be accepted where the numbers
   * happen to be equal, as in ZooKeeper, and the version returned shows it.
   */
  readonly refusesFormerCreation: boolean;
  stop(): Promise<void>;
}

export interface StoreContractOptions {
  /** Called once; every test uses records of its own. */
  start(): Promise<StoreBackend>;
  /** Versions that the contention tests write in all; default 3 000. Fewer for a store that is slow. */
  readonly contendedVersions?: number;
  /** How often the crash test kills a writer; default 20. */
  readonly kills?: number;
}

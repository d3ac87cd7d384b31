import type { StorageCapabilities, StorageStrategy } from "@holdfast/core";
import type { StorageServers } from "../world.js";
import type { Executable } from "./executable/service.js";
import type { Scene } from "./scene.js";

export const LEVELS = ["L0", "L1", "L2", "L3", "L4"] as const;
export type Level = (typeof LEVELS)[number];

/** The invariants of the architecture, by number; each case belongs to one. */
export const INVARIANTS = {
  I1: "at most one run with write access per service",
  I2: "epochs of successive runs grow",
  I3: "an application runs only on a volume verified under its own epoch",
  I4: "nothing older than the current epoch changes anything",
  I5: "nothing is formatted, wiped, restored over or deleted without an explicit confirmation",
  I6: "every acknowledged write survives failover, except what is declared",
  I7: "what was done is on record: receipts and explanations say it",
  I8: "a hung disk, store or peer never hangs the deadline",
} as const;
export type Invariant = keyof typeof INVARIANTS;

/** What a case may be skipped for: data that the strategy or its world declares, never an opinion of a test. */
export interface Declared {
  readonly capabilities: StorageCapabilities;
  readonly strategy: StorageStrategy;
  readonly servers: StorageServers;
  readonly executable: Executable | undefined;
}

export interface ConformanceCase {
  /** `L3/I4-stale-epoch-refused`. */
  readonly id: `${Level}/${Invariant}-${string}`;
  /** The fact that it proves, as a sentence. */
  readonly title: string;
  /** The declaration that makes it pointless, in words; undefined: it runs. */
  readonly skip?: (declared: Declared) => string | undefined;
  /** Below a fenced grade the result is told and not demanded: it is what such a grade does not promise. */
  readonly demanded?: "of-fenced-grades";
  readonly run: (scene: Scene) => Promise<void>;
}

export const levelOf = ({ id }: Pick<ConformanceCase, "id">) => id.slice(0, 2) as Level;
export const invariantOf = ({ id }: Pick<ConformanceCase, "id">) => id.slice(3, 5) as Invariant;

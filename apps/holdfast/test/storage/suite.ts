import { join } from "node:path";
import type { StorageRecipe } from "@holdfast/testkit";
import { afterAll, describe, test } from "vitest";
import {
  AGENT_CUT,
  ALL_KILLED,
  ALL_STOPPED,
  CLEAN_STOP,
  expectSafe,
  type FailoverResult,
  GUARD_KILLED,
  type HolderFault,
  playFailover,
  SERVERS_HUNG,
  withScene,
} from "./failover.js";
import { publish } from "./publish.js";
import { openStorageScene } from "./scene.js";

export interface FailoverSuiteOptions {
  readonly strategy: string;
  readonly recipe: StorageRecipe;
  readonly format?: boolean;
  /** Default: all of them. */
  readonly faults?: readonly HolderFault[];
}

export const ALL_FAULTS = [CLEAN_STOP, AGENT_CUT, ALL_KILLED, ALL_STOPPED, GUARD_KILLED, SERVERS_HUNG] as const;

/** The executable under test; `HOLDFAST_BIN` names another one. */
export const executable: readonly string[] =
  process.env.HOLDFAST_BIN === undefined
    ? [process.execPath, join(import.meta.dirname, "../../dist/holdfast.cjs")]
    : [process.env.HOLDFAST_BIN];

/** Failover of a real database on one kind of storage, one fault after the other, each on servers of its own. */
export function failoverSuite(options: FailoverSuiteOptions): void {
  const { recipe, strategy, format = false } = options;
  const missing = recipe.unavailable();
  const results: FailoverResult[] = [];
  describe.skipIf(missing !== undefined)(
    `failover of Redis on ${recipe.backend}${missing === undefined ? "" : `: ${missing}`}`,
    () => {
      for (const fault of options.faults ?? ALL_FAULTS) {
        test(fault.name, async () => {
          const scene = await openStorageScene({ recipe, strategy, executable, format });
          await withScene(scene, async () => {
            const result = await playFailover(scene, fault);
            expectSafe(result, scene);
            results.push(result);
          });
        });
      }
      afterAll(() => publish(recipe.backend, results));
    },
  );
}

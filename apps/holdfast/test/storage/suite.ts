import { join } from "node:path";
import type { StorageRecipe } from "@holdfast/testkit";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
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
import { type Lease, openStage, openStorageScene, type StorageStage } from "./scene.js";

export interface FailoverSuiteOptions {
  readonly strategy: string;
  readonly recipe: StorageRecipe;
  readonly format?: boolean;
  /** Of a published run (`HOLDFAST_PUBLISH=1`); default: all of them. */
  readonly faults?: readonly HolderFault[];
  /** Of any other run. */
  readonly everyday?: readonly HolderFault[];
  readonly lease?: Partial<Lease>;
  /** A fence refuses the agent and not the service, so each fault needs agents that nobody was fenced on. */
  readonly stagePerFault?: boolean;
}

const ALL_FAULTS: readonly HolderFault[] = [CLEAN_STOP, AGENT_CUT, ALL_KILLED, ALL_STOPPED, GUARD_KILLED, SERVERS_HUNG];

const EVERYDAY: readonly HolderFault[] = [CLEAN_STOP, AGENT_CUT, SERVERS_HUNG];

/** The executable under test; `HOLDFAST_BIN` names another one. */
export const executable: readonly string[] =
  process.env.HOLDFAST_BIN === undefined
    ? [process.execPath, join(import.meta.dirname, "../../dist/holdfast.cjs")]
    : [process.env.HOLDFAST_BIN];

/** Failover of a real database on one kind of storage, one fault after the other, each with a volume of its own. */
export function failoverSuite(options: FailoverSuiteOptions): void {
  const { recipe, strategy, format = false } = options;
  const missing = recipe.unavailable();
  const all = options.faults ?? ALL_FAULTS;
  const faults =
    process.env.HOLDFAST_PUBLISH === "1" ? all : (options.everyday ?? EVERYDAY.filter((fault) => all.includes(fault)));
  const results: FailoverResult[] = [];
  const title = `failover of Redis on ${recipe.backend}${missing === undefined ? "" : `: ${missing}`}`;
  describe.skipIf(missing !== undefined)(title, () => {
    let stage: StorageStage | undefined;
    beforeAll(async () => {
      stage = await openStage(recipe);
    });
    afterAll(async () => {
      await stage?.close();
      publish(recipe.backend, results);
    });
    if (options.stagePerFault === true) {
      afterEach(async () => {
        await stage?.close();
        stage = undefined;
        stage = await openStage(recipe);
      });
    }
    for (const fault of faults) {
      test(fault.name, { timeout: 400_000 }, async () => {
        if (stage === undefined) throw new Error("no storage");
        const scene = await openStorageScene({
          stage,
          strategy,
          executable,
          format,
          ...(options.lease === undefined ? {} : { lease: options.lease }),
        });
        await withScene(scene, async () => {
          const result = await playFailover(scene, fault);
          results.push(result);
          expectSafe(result, scene, fault);
        });
      });
    }
  });
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Grant, Op, StorageStrategy, Volume } from "@holdfast/core";
import { createOp, nativeVolumeTools } from "@holdfast/effects";
import { createSharedFsStrategy } from "@holdfast/storage-shared-fs";
import {
  findInit,
  type NfsRecipeOptions,
  type NfsWorld,
  type NodeHalf,
  type NodeHalfOptions,
  nfsRecipe,
  type StorageAgent,
  startNodeHalf,
} from "@holdfast/testkit";

export const STRATEGY = {
  module: fileURLToPath(new URL("../dist/index.js", import.meta.url)),
  export: "createSharedFsStrategy",
};

export const DATA = { position: 0, length: 64 * 1_024 };

/** One world with guests for a whole file: booting it is most of the file's time. */
export interface NfsScene {
  readonly world: NfsWorld;
  readonly strategy: StorageStrategy;
  readonly op: Op;
  grant(agent: StorageAgent, epoch: bigint): Grant;
  /** A node half in a tree of its own; ended with the scene. */
  half(agent: StorageAgent, tree?: NodeHalfOptions["tree"]): Promise<NodeHalf>;
  /** Attached and mounted there, marked, with a synced data file full of `first`. */
  hold(half: NodeHalf, volume: Volume, epoch: bigint, first: string): Promise<HeldVolume>;
  close(): Promise<void>;
}

/** Two descriptors on one file without a lock, open since before whatever happens next. */
export interface HeldVolume {
  readonly volume: Volume;
  readonly file: string;
  readonly buffered: number;
  readonly direct: number;
}

export async function startNfsScene(options: NfsRecipeOptions): Promise<NfsScene> {
  const world = await nfsRecipe(options).start();
  const strategy: StorageStrategy = createSharedFsStrategy();
  const workDirectory = mkdtempSync(join(tmpdir(), "holdfast-shared-fs-"));
  const { signal } = new AbortController();
  const halves: NodeHalf[] = [];
  const op = createOp({
    signal,
    workDirectory,
    logger: { log: () => undefined },
    volumeTools: nativeVolumeTools(findInit()),
  });
  const grant = (agent: StorageAgent, epoch: bigint): Grant => {
    return { service: "orders-db", epoch, run: `run-${epoch}-of-${agent.id}`, agent: agent.id, signal };
  };
  return {
    world,
    strategy,
    op,
    grant,
    async half(agent, tree = "pid-namespace") {
      const half = await startNodeHalf({ agent, strategy: STRATEGY, tree });
      halves.push(half);
      return half;
    },
    async hold(half, volume, epoch, first) {
      const held = grant(half.agent, epoch);
      await half.mount(volume, await strategy.attach(op, volume, half.agent.id, held), held);
      if (!(await isMarked(half, volume))) {
        await half.help("mark", { path: volume.mountPath, service: volume.service, role: volume.role });
      }
      const file = `${volume.mountPath}/data-file`;
      const buffered = await half.help("open", { path: file, create: true });
      await half.help("write", { file: buffered, ...DATA, pattern: first });
      await half.help("fsync", { file: buffered });
      return { volume, file, buffered, direct: await half.help("open", { path: file, direct: true }) };
    },
    async close() {
      for (const half of halves) await half.kill();
      await world.close();
      rmSync(workDirectory, { recursive: true });
    },
  };
}

async function isMarked(half: NodeHalf, volume: Volume): Promise<boolean> {
  return (await half.help("list", { path: volume.mountPath }))?.includes(".holdfast") === true;
}

/** The error's code of a call that must fail; throws when it does not. */
export async function failure(call: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  const outcome = await call.then(
    (result) => ({ result }),
    (error: { code?: string; message: string; hint?: string }) => ({ error }),
  );
  if ("result" in outcome) throw new Error(`it succeeded: ${JSON.stringify(outcome.result)}`);
  const { code = "", message, hint = "" } = outcome.error;
  return { code, message, hint };
}

/** With other options, as after a change of the service file. */
export function withOptions(volume: Volume, change: Record<string, unknown>): Volume {
  return { ...volume, options: { ...(volume.options as object), ...change } };
}

export function withServer(volume: Volume, change: Record<string, unknown>): Volume {
  const { server } = volume.options as { server: object };
  return withOptions(volume, { server: { ...server, ...change } });
}

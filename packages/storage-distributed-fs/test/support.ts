import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Grant, Op, Volume } from "@holdfast/core";
import { createOp, nativeVolumeTools } from "@holdfast/effects";
import { findInit, type NodeHalf, type StorageAgent, startNodeHalf } from "@holdfast/testkit";

/** Built, because the node half runs in processes of its own. */
const STRATEGY = {
  module: new URL("../dist/index.js", import.meta.url).href,
  export: "createDistributedFsStrategy",
};

export interface Stage {
  readonly op: Op;
  grant(volume: Volume, agent: StorageAgent, epoch: bigint): Grant;
  /** A run's storage tree on the agent, with the volume mounted. */
  mounted(volume: Volume, agent: StorageAgent, epoch: bigint): Promise<NodeHalf>;
  tree(agent: StorageAgent): Promise<NodeHalf>;
  /** Where `cut` is called. */
  outside(agent: StorageAgent): Promise<NodeHalf>;
  /** Ends every tree. */
  close(): Promise<void>;
}

export function createStage(): Stage {
  const halves: NodeHalf[] = [];
  const workDirectory = mkdtempSync(join(tmpdir(), "holdfast-stage-"));
  const abort = new AbortController();
  const op = createOp({
    signal: abort.signal,
    logger: { log: () => undefined },
    volumeTools: nativeVolumeTools(findInit()),
    workDirectory,
  });
  const start = async (agent: StorageAgent, tree: "pid-namespace" | "none") => {
    const half = await startNodeHalf({ agent, strategy: STRATEGY, tree });
    halves.push(half);
    return half;
  };
  const grant = (volume: Volume, agent: StorageAgent, epoch: bigint): Grant => ({
    service: volume.service,
    epoch,
    run: randomUUID(),
    agent: agent.id,
    signal: abort.signal,
  });
  return {
    op,
    grant,
    async mounted(volume, agent, epoch) {
      const half = await start(agent, "pid-namespace");
      const given = grant(volume, agent, epoch);
      await half.prepare(volume, {}, given);
      await half.mount(volume, {}, given);
      return half;
    },
    tree: (agent) => start(agent, "pid-namespace"),
    outside: (agent) => start(agent, "none"),
    async close() {
      for (const half of halves.splice(0)) await half.kill();
      abort.abort();
      rmSync(workDirectory, { recursive: true, force: true });
    },
  };
}

/** Milliseconds that an act took, and how it ended. */
export async function timed<T>(act: () => Promise<T>): Promise<{ ms: number; error: unknown; value: T | undefined }> {
  const start = performance.now();
  try {
    const value = await act();
    return { ms: performance.now() - start, error: undefined, value };
  } catch (error) {
    return { ms: performance.now() - start, error, value: undefined };
  }
}

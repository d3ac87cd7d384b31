import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AttachContext, FormerHolder, Grant, StorageStrategy, Volume } from "@holdfast/core";
import { createOp, nativeVolumeTools } from "@holdfast/effects";
import {
  findInit,
  type NbdFsType,
  type NbdRecipeOptions,
  type NbdServerKind,
  type NbdWorld,
  type NodeHalf,
  nbdRecipe,
  type StorageAgent,
  startNodeHalf,
} from "@holdfast/testkit";
import { createNbdStrategy } from "../../src/index.js";

const MODULE = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const STRATEGY = { module: MODULE, export: "createNbdStrategy" };

/** A run as far as this strategy is concerned: its grant, its tree on an agent, the volume mounted there. */
export interface Holder {
  readonly agent: StorageAgent;
  readonly grant: Grant;
  readonly context: AttachContext;
  readonly half: NodeHalf;
  readonly data: string;
}

export interface Bench {
  readonly world: NbdWorld;
  readonly strategy: StorageStrategy;
  readonly op: ReturnType<typeof createOp>;
  volume(): Promise<Volume>;
  grant(volume: Volume, agent: StorageAgent, epoch: bigint): Grant;
  half(agent: StorageAgent, tree?: "pid-namespace" | "none"): Promise<NodeHalf>;
  /** Observe, plan, apply: what core does with the controller half. */
  take(volume: Volume, grant: Grant, former?: readonly FormerHolder[]): Promise<AttachContext>;
  /** From the grant to a mounted volume. */
  hold(
    volume: Volume,
    agent: StorageAgent,
    epoch: bigint,
    options?: { format?: boolean; former?: readonly FormerHolder[] },
  ): Promise<Holder>;
  close(): Promise<void>;
}

export async function openBench(server: NbdServerKind, fs: NbdFsType, options?: NbdRecipeOptions): Promise<Bench> {
  const recipe = nbdRecipe(server, fs, options);
  const missing = recipe.unavailable();
  if (missing !== undefined) throw new Error(missing);
  const world = await recipe.start();
  const strategy = createNbdStrategy();
  const workDirectory = mkdtempSync(join(tmpdir(), "holdfast-nbd-bench-"));
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const op = createOp({
    signal: ending.signal,
    logger: { log: () => undefined },
    volumeTools: nativeVolumeTools(findInit()),
    workDirectory,
  });
  const halves: NodeHalf[] = [];
  const bench: Bench = {
    world,
    strategy,
    op,
    async volume() {
      const created = await world.createVolume(`v${randomUUID().slice(0, 8)}`);
      return { ...created, options: strategy.optionsSchema.parse(created.options) };
    },
    grant: ({ service }, agent, epoch) => ({
      service,
      epoch,
      run: randomUUID(),
      agent: agent.id,
      signal: ending.signal,
    }),
    async half(agent, tree) {
      const half = await startNodeHalf({ agent, strategy: STRATEGY, ...(tree === undefined ? {} : { tree }) });
      halves.push(half);
      return half;
    },
    async take(volume, grant, former = []) {
      const observed = await strategy.observe(op, volume);
      const plan = strategy.plan(volume, observed, { agent: grant.agent, epoch: grant.epoch, former });
      if (plan.kind === "wait") throw new Error(`the plan is to wait: ${plan.why}`);
      for (const step of plan.steps) {
        if (step.verb === "fence") await strategy.fence(op, volume, step.former, grant);
        if (step.verb === "unfence") await strategy.unfence(op, volume, step.agent);
        if (step.verb === "detach") await strategy.detach(op, volume, step.agent);
      }
      return strategy.attach(op, volume, grant.agent, grant);
    },
    async hold(volume, agent, epoch, { format = false, former = [] } = {}) {
      const grant = bench.grant(volume, agent, epoch);
      const context = await bench.take(volume, grant, former);
      const half = await bench.half(agent);
      await half.prepare(volume, context, grant);
      if (format) await half.format(volume, context, grant);
      const check = await half.check(volume, context);
      if (check.state !== "clean") await half.repair(volume, context, grant, "safe");
      await half.mount(volume, context, grant);
      const data = `${volume.mountPath}/data`;
      if (format) await half.help("makeDirectory", { path: data });
      return { agent, grant, context, half, data };
    },
    async close() {
      for (const agent of world.agents) await agent.heal();
      const ends = await Promise.all(halves.map((half) => half.kill()));
      ending.abort();
      await world.close();
      rmSync(workDirectory, { recursive: true });
      const stuck = ends.flatMap((end) => (end.kind === "stuck" ? end.processes : []));
      if (stuck.length > 0) throw new Error(`left in the kernel: ${stuck.join(", ")}`);
    },
  };
  return bench;
}

export const formerOf = ({ agent, grant }: Holder): FormerHolder => ({
  agent: agent.id,
  epoch: grant.epoch,
  bootId: null,
});

/** Written and flushed: an acknowledged write. */
export async function writeSynced({ half, data }: Holder, name: string, text: string): Promise<void> {
  const file = await half.help("open", { path: `${data}/${name}`, create: true });
  await half.help("write", { file, position: 0, pattern: text, length: text.length });
  await half.help("fsync", { file });
  await half.help("close", { file });
}

/** From the device and not from the cache: in whole blocks, as O_DIRECT wants it. */
export async function readText({ half, data }: Holder, name: string, length: number): Promise<string> {
  const blocks = Math.ceil(length / BLOCK) * BLOCK;
  const text = await half.help("read", { path: `${data}/${name}`, position: 0, length: blocks, drop: true });
  return text.slice(0, length);
}

const BLOCK = 4_096;

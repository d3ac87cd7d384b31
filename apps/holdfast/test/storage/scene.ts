import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LeaseTiming, Volume } from "@holdfast/core";
import { type StorageAgent, type StorageRecipe, type StorageWorld, startZooKeeper, until } from "@holdfast/testkit";
import { onAgent, type StorageRun, signalRun, startRun } from "./run.js";

/** Short enough for tests; the margin leaves the strategies' cuts their time. */
export type Lease = Pick<LeaseTiming, "leaseMs" | "renewMs" | "stopBudgetMs" | "marginMs" | "guardMs">;

const LEASE: Lease = { leaseMs: 12_000, renewMs: 1_000, stopBudgetMs: 1_500, marginMs: 4_700, guardMs: 500 };

/** A storage system with a coordination store beside it; several scenes may play on it one after the other. */
export interface StorageStage {
  readonly world: StorageWorld;
  readonly storeUrl: string;
  close(): Promise<void>;
}

export async function openStage(recipe: StorageRecipe): Promise<StorageStage> {
  const world = await recipe.start();
  try {
    const zookeeper = await startZooKeeper({ host: world.hostAddress });
    return {
      world,
      storeUrl: `zookeeper://${zookeeper.host}:${zookeeper.port}`,
      async close() {
        await zookeeper.dispose();
        await world.close();
      },
    };
  } catch (error) {
    await world.close();
    throw error;
  }
}

export interface StorageSceneOptions {
  readonly stage: StorageStage;
  readonly strategy: string;
  /** The command line of the executable, without a subcommand. */
  readonly executable: readonly string[];
  readonly lease?: Partial<Lease>;
  /** Block devices are blank. */
  readonly format?: boolean;
}

/** A service on real storage, with a real ZooKeeper that agents are cut off from together with the storage. */
export interface StorageScene {
  readonly world: StorageWorld;
  readonly service: string;
  readonly volume: Volume;
  readonly storeUrl: string;
  readonly directory: string;
  readonly lease: Lease;
  start(agent: StorageAgent, command: readonly string[], flags?: readonly string[]): StorageRun;
  /** Runs a verb of the executable on this machine. */
  tool(agent: StorageAgent, ...verb: readonly string[]): Promise<string>;
  /** What the file holds, read through a run of its own under the next epoch. */
  read(agent: StorageAgent, file: string): Promise<string>;
  close(): Promise<void>;
}

export async function openStorageScene(options: StorageSceneOptions): Promise<StorageScene> {
  const undo: (() => Promise<void>)[] = [];
  try {
    return await open(options, undo);
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

async function undoAll(undo: (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of undo.splice(0).reverse()) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, "the scene could not be taken down");
}

async function open(options: StorageSceneOptions, undo: (() => Promise<void>)[]): Promise<StorageScene> {
  const { stage, executable } = options;
  const { world, storeUrl } = stage;
  const lease = { ...LEASE, ...options.lease };
  // Below the repository, because guests see that and have temporary directories of their own.
  const cache = join(import.meta.dirname, "../../../../node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, "holdfast-storage-"));
  chmodSync(directory, 0o755);
  undo.push(async () => rmSync(directory, { recursive: true, force: true }));
  const service = `svc-${randomBytes(3).toString("hex")}`;
  const volume = await world.createVolume(service);
  const file = join(directory, "service.yaml");
  const write = (path: string, command: readonly string[]) =>
    writeFileSync(path, JSON.stringify(serviceFile(options.strategy, volume, lease, command)));
  write(file, ["true"]);
  const runs: StorageRun[] = [];
  undo.push(async () => {
    for (const agent of world.agents) await agent.heal();
    for (const run of runs) {
      if (run.exit() !== undefined) continue;
      await signalRun(run, "SIGKILL");
      await run.untilExit(30_000);
    }
  });
  const scene: StorageScene = {
    world,
    service,
    volume,
    storeUrl,
    directory,
    lease,
    start(agent, command, flags = []) {
      const base = ["run", "-f", file, "--store", storeUrl, "--agent", agent.id];
      // Agents of this machine share its directories.
      base.push("--status-socket", `/tmp/${service}-${agent.id}.sock`);
      const run = startRun(agent, [...executable, ...base, ...flags, "--", ...command]);
      runs.push(run);
      return run;
    },
    tool: (agent, ...verb) => onAgent(agent, [...executable, ...verb, "--service", service, "--store", storeUrl]),
    async read(agent, path) {
      const run = scene.start(agent, ["cat", path], ["--wait=60s"]);
      const code = await run.untilExit(90_000);
      if (code !== 0) throw new Error(`reading ${path} ended with ${code}\n${run.log()}`);
      return run.lines
        .filter(({ text }) => !text.startsWith("holdfast: "))
        .map(({ text }) => text)
        .join("\n");
    },
    close: () => undoAll(undo),
  };
  const flags = options.format === true ? ["--format"] : [];
  const mark = [
    "volume",
    "init",
    "--first-run",
    "-f",
    file,
    "--store",
    storeUrl,
    "--agent",
    world.agents[0].id,
    ...flags,
  ];
  await onAgent(world.agents[0], [...executable, ...mark]);
  return scene;
}

function serviceFile(strategy: string, volume: Volume, lease: Lease, command: readonly string[]): unknown {
  const { role, mountPath, diskMiB, options } = volume;
  return {
    apiVersion: "holdfast/v1",
    kind: "Service",
    metadata: { name: volume.service },
    spec: {
      engine: { type: "process", command },
      storage: [{ role, strategy, mountPath, options, ...(diskMiB === null ? {} : { diskMiB }) }],
      exclusivity: { ...lease, attachTimeoutMs: 120_000 },
      resources: { cpus: 1, memMiB: 256 },
    },
  };
}

/** Nothing of the run is left on its agent. */
export async function untilGone(run: StorageRun, timeoutMs: number): Promise<void> {
  await until(`everything of ${run.agent.id} to be gone`, async () => (await signalRun(run, "0")) === 0, {
    timeoutMs,
    intervalMs: 50,
    seen: run.log,
  });
}

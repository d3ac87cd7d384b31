import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DEFAULT_LEASE_COSTS, type LeaseTiming, timeBudget, type Volume } from "@holdfast/core";
import { startZooKeeper } from "../../../zookeeper/index.js";
import type { StorageAgent } from "../../world.js";
import { demand } from "../expect.js";
import type { Scene } from "../scene.js";
import { type ExecutableRun, output, startExecutable } from "./run.js";

/** How the executable is called, and where it finds a strategy that is not built in. */
export interface Executable {
  /** Command line without a subcommand; built files, on every agent at the same path. */
  readonly command: readonly string[];
  /** npm prefixes; the package must be installed in one of them, unless its strategy is built in. */
  readonly pluginDirs?: readonly string[];
  readonly plugin?: { readonly package: string; readonly version: string };
}

/** A service on the world's storage, with a real store that agents can be cut off from. */
export interface Service {
  readonly volume: Volume;
  readonly lease: LeaseTiming;
  /** Runs `write` or `read` under the lease, waiting for it. `before` is put before the executable. */
  start(agent: StorageAgent, mode: "write" | "read", before?: readonly string[]): ExecutableRun;
}

const WAIT = "120s";
const END_MS = 30_000;
const SMALLEST_LEASE_MS = 12_000;

export async function openService(scene: Scene): Promise<Service> {
  const executable = scene.deps.executable;
  demand(executable !== undefined, "no executable was given");
  const zookeeper = await startZooKeeper({ host: scene.world.hostAddress });
  scene.onEnd(() => zookeeper.dispose());
  const volume = await scene.volume();
  const lease = leaseFor(scene.capabilities(volume).cutMsMax);
  const main = fileURLToPath(new URL("./application-main.js", import.meta.url));
  const file = join(scene.deps.workDirectory, `${volume.service}.yaml`);
  writeFileSync(file, JSON.stringify(serviceFile(scene, volume, lease, executable)));
  const store = ["--store", `zookeeper://${zookeeper.host}:${zookeeper.port}`];
  const plugins = (executable.pluginDirs ?? []).flatMap((directory) => ["--plugin-dir", directory]);
  const common = (agent: StorageAgent) => ["-f", file, ...store, "--agent", agent.id, ...plugins];
  const [first] = scene.world.agents;
  const format = scene.strategy.format === undefined ? [] : ["--format"];
  await output(first, [...executable.command, "volume", "init", "--first-run", ...common(first), ...format]);
  const runs: ExecutableRun[] = [];
  scene.onEnd(async () => {
    for (const run of runs) {
      if (run.ended() !== undefined) continue;
      await run.agent.heal();
      await run.signal("SIGKILL");
      await run.untilEnded(END_MS);
    }
  });
  return {
    volume,
    lease,
    start(agent, mode, before = []) {
      const application = ["--", process.execPath, main, mode];
      const argv = [...before, ...executable.command, "run", ...common(agent), `--wait=${WAIT}`, ...application];
      const run = startExecutable(agent, argv);
      runs.push(run);
      return run;
    },
  };
}

/** The shortest lease that leaves the strategy's cut its time. Pure. */
export function leaseFor(cutMs: number): LeaseTiming {
  const timing = (leaseMs: number): LeaseTiming => {
    const base = { leaseMs, renewMs: 1_000, stopBudgetMs: 500, guardMs: 500, marginMs: 0 };
    const { marginMsMin } = timeBudget(base, { ...DEFAULT_LEASE_COSTS, cutMs });
    return { ...base, marginMs: marginMsMin + 200 };
  };
  let leaseMs = SMALLEST_LEASE_MS;
  while (timeBudget(timing(leaseMs), { ...DEFAULT_LEASE_COSTS, cutMs }).problems.length > 0) leaseMs += 1_000;
  return timing(leaseMs);
}

function serviceFile(scene: Scene, volume: Volume, lease: LeaseTiming, { plugin }: Executable): unknown {
  const { role, mountPath, diskMiB } = volume;
  const options = scene.writtenOptions(volume);
  const strategy = scene.strategy.type;
  return {
    apiVersion: "holdfast/v1",
    kind: "Service",
    metadata: { name: volume.service },
    spec: {
      ...(plugin === undefined ? {} : { plugins: [plugin] }),
      engine: { type: "process", command: ["true"] },
      storage: [{ role, strategy, mountPath, options, ...(diskMiB === null ? {} : { diskMiB }) }],
      exclusivity: { ...lease, attachTimeoutMs: 60_000 },
      resources: { cpus: 1, memMiB: 128 },
    },
  };
}

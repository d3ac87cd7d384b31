import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Volume } from "@holdfast/core";
import type { NetworkAgent } from "../../agents/agent.js";
import { createAgentNetwork, namespacesUnavailable } from "../../agents/network.js";
import { type Control, startControl } from "../control/index.js";
import { addNamespaceAgents } from "../namespace-agent.js";
import type { StorageAgent, StorageRecipe, StorageWorld } from "../world.js";
import { createMooseFsCluster, EMPTY_METADATA, type MooseFsCluster } from "./cluster.js";

export interface MooseFsRecipeOptions {
  readonly agents?: number;
  readonly chunkServers?: number;
  /** Further lines of mfsmaster.cfg, e.g. `SESSION_SUSTAIN_TIME`. */
  readonly masterSettings?: Readonly<Record<string, string>>;
  /** Further options of every volume. */
  readonly volumeOptions?: Readonly<Record<string, unknown>>;
}

export interface MooseFsRecipe extends StorageRecipe {
  start(): Promise<MooseFsWorld>;
}

export interface MooseFsWorld extends StorageWorld {
  readonly cluster: MooseFsCluster;
}

/** MooseFS with its master and chunk servers in network namespaces of their own. */
export function mooseFsRecipe(options: MooseFsRecipeOptions = {}): MooseFsRecipe {
  return { backend: "moosefs", unavailable, start: () => startWorld(options) };
}

function unavailable(): string | undefined {
  const wanted = ["/usr/sbin/mfsmaster", "/usr/sbin/mfschunkserver", "/usr/bin/mfsmount", "/usr/bin/mfscli"];
  const missing = [...wanted, EMPTY_METADATA, "/dev/fuse"].filter((file) => !existsSync(file));
  return missing.length > 0 ? `MooseFS: no ${missing.join(", ")}` : namespacesUnavailable();
}

async function startWorld(options: MooseFsRecipeOptions): Promise<MooseFsWorld> {
  const network = await createAgentNetwork();
  let cluster: MooseFsCluster | undefined;
  let control: Control | undefined;
  const mountPath = mkdtempSync(join(tmpdir(), "holdfast-moosefs-mount-"));
  const close = async () => {
    await control?.server.kill();
    await cluster?.dispose();
    await network.remove();
    rmSync(mountPath, { recursive: true });
  };
  try {
    const running = await createMooseFsCluster(network, {
      chunkServers: options.chunkServers ?? 2,
      masterSettings: options.masterSettings ?? {},
    });
    cluster = running;
    await running.start();
    const administration = await startControl({
      name: "the master",
      enter: running.master.enter,
      socket: join(running.directory, "control"),
      logFile: join(running.directory, "control.log"),
      program: [],
    });
    control = administration;
    const agents = await addNamespaceAgents(network, options.agents ?? 3);
    return {
      backend: "moosefs",
      server: `MooseFS ${await serverVersion(running)}`,
      agents,
      hostAddress: network.address,
      cluster: running,
      createVolume: (service) =>
        createVolume(running, service, mountPath, agents, administration.command, options.volumeOptions ?? {}),
      servers: {
        addresses: running.machines.map((machine) => machine.address),
        hang: () => running.hang(),
        async resume() {
          running.resume();
        },
        kill: () => running.kill(),
        start: () => running.start(),
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function createVolume(
  cluster: MooseFsCluster,
  service: string,
  mountPath: string,
  agents: readonly StorageAgent[],
  masterControl: readonly string[],
  extra: Readonly<Record<string, unknown>>,
): Promise<Volume> {
  await cluster.createVolume(`/${service}`);
  return {
    service,
    role: "data",
    mountPath,
    diskMiB: null,
    options: {
      type: "moosefs",
      servers: [cluster.master.address],
      path: `/${service}`,
      agents: Object.fromEntries(agents.map((agent) => [agent.id, agent.address])),
      control: [{ kind: "command", command: masterControl }],
      chunkServerControl: Object.fromEntries(
        cluster.machines.slice(1).map((machine) => [machine.address, inNetwork(machine)]),
      ),
      masterConfigFile: cluster.masterConfigFile,
      exportsFile: cluster.exportsFile,
      ...extra,
    },
  };
}

const inNetwork = ({ enter }: NetworkAgent) => ({ kind: "command", command: [...enter] });

async function serverVersion(cluster: MooseFsCluster): Promise<string> {
  return /\b\d+\.\d+\.\d+\b/.exec(await cluster.cli("-SIG"))?.[0] ?? "of unknown version";
}

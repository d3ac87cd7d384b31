import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Volume } from "@holdfast/core";
import { createAgentNetwork, namespacesUnavailable } from "../../agents/network.js";
import { addNamespaceAgents } from "../namespace-agent.js";
import type { StorageAgent, StorageRecipe, StorageWorld } from "../world.js";
import { type CephCluster, createCephCluster, FILE_SYSTEM } from "./cluster.js";

export interface CephFsRecipeOptions {
  readonly agents?: number;
  readonly osds?: number;
  readonly osdBytes?: number;
  /** Further settings of ceph.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Further options of every volume. */
  readonly volumeOptions?: Readonly<Record<string, unknown>>;
}

export interface CephFsRecipe extends StorageRecipe {
  start(): Promise<CephFsWorld>;
}

export interface CephFsWorld extends StorageWorld {
  readonly cluster: CephCluster;
}

/** CephFS: a monitor, a manager, a metadata server, and object storage daemons, in network namespaces of their own. */
export function cephFsRecipe(options: CephFsRecipeOptions = {}): CephFsRecipe {
  return { backend: "cephfs", unavailable, start: () => startWorld(options) };
}

function unavailable(): string | undefined {
  const programs = ["ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "ceph-mds", "ceph-fuse", "monmaptool"];
  const missing = [...programs.map((program) => `/usr/bin/${program}`), "/dev/fuse"].filter(
    (file) => !existsSync(file),
  );
  return missing.length > 0 ? `CephFS: no ${missing.join(", ")}` : namespacesUnavailable();
}

async function startWorld(options: CephFsRecipeOptions): Promise<CephFsWorld> {
  const network = await createAgentNetwork();
  let cluster: CephCluster | undefined;
  const mountPath = mkdtempSync(join(tmpdir(), "holdfast-cephfs-mount-"));
  const close = async () => {
    await cluster?.dispose();
    await network.remove();
    rmSync(mountPath, { recursive: true });
  };
  try {
    const running = await createCephCluster(network, {
      osds: options.osds ?? 1,
      osdBytes: options.osdBytes ?? 4 * 1024 ** 3,
      settings: options.settings ?? {},
    });
    cluster = running;
    await running.create();
    const agents = await addNamespaceAgents(network, options.agents ?? 3);
    return {
      backend: "cephfs",
      server: `Ceph ${/\d+\.\d+\.\d+/.exec(await running.ceph("version"))?.[0] ?? "of unknown version"}`,
      agents,
      hostAddress: network.address,
      cluster: running,
      createVolume: async (service) => createVolume(running, service, mountPath, agents, options.volumeOptions ?? {}),
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

function createVolume(
  cluster: CephCluster,
  service: string,
  mountPath: string,
  agents: readonly StorageAgent[],
  extra: Readonly<Record<string, unknown>>,
): Volume {
  return {
    service,
    role: "data",
    mountPath,
    diskMiB: null,
    options: {
      type: "cephfs",
      servers: [cluster.monitor.address],
      fileSystem: FILE_SYSTEM,
      path: cluster.takeDirectory(),
      agents: Object.fromEntries(agents.map((agent) => [agent.id, agent.address])),
      control: [{ kind: "command", command: [...cluster.monitor.enter, "ceph", "-c", cluster.configFile] }],
      clientSettings: { auth_client_required: "none" },
      ...extra,
    },
  };
}

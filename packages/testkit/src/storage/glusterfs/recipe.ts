import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Volume } from "@holdfast/core";
import { command } from "../../agents/command.js";
import { createAgentNetwork, namespacesUnavailable } from "../../agents/network.js";
import { addNamespaceAgents } from "../namespace-agent.js";
import type { StorageAgent, StorageRecipe, StorageWorld } from "../world.js";
import { createGlusterCluster, type GlusterCluster } from "./cluster.js";

export interface GlusterRecipeOptions {
  readonly replicas?: 1 | 3;
  readonly agents?: number;
  /**
   * What a volume of the suite is: a directory of one Gluster volume (the default; made in a moment), or a Gluster volume of its own
   * with a process per server, which is what a fence of one service alone needs.
   */
  readonly layout?: "directory" | "volume";
  /** Size of the file system under each server's bricks; sparse. */
  readonly brickMiB?: number;
  /** Further settings of every volume. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Further options of every volume. */
  readonly volumeOptions?: Readonly<Record<string, unknown>>;
}

export interface GlusterWorld extends StorageWorld {
  readonly cluster: GlusterCluster;
}

export interface GlusterRecipe extends StorageRecipe {
  start(): Promise<GlusterWorld>;
}

/** A dead client's locks are free after 6 s, and a call on a vanished server hangs for 3 s. */
const SETTINGS = {
  "network.ping-timeout": "3",
  "server.tcp-user-timeout": "5",
  "server.keepalive-time": "2",
  "server.keepalive-interval": "1",
  "server.keepalive-count": "3",
  "client.strict-locks": "on",
};
const DEAD_CLIENT_LOCK_MS = 7_000;
const SHARED_VOLUME = "services";

/** GlusterFS with its servers in network namespaces of their own, one copy on each. */
export function glusterRecipe(options: GlusterRecipeOptions = {}): GlusterRecipe {
  return { backend: "glusterfs", unavailable, start: () => startWorld(options) };
}

function unavailable(): string | undefined {
  const wanted = [
    "/usr/sbin/glusterd",
    "/usr/sbin/glusterfsd",
    "/usr/sbin/glusterfs",
    "/usr/sbin/gluster",
    "/dev/fuse",
  ];
  const missing = wanted.filter((file) => !existsSync(file));
  return missing.length > 0 ? `GlusterFS: no ${missing.join(", ")}` : namespacesUnavailable();
}

async function startWorld(options: GlusterRecipeOptions): Promise<GlusterWorld> {
  const network = await createAgentNetwork();
  let cluster: GlusterCluster | undefined;
  const mountPath = mkdtempSync(join(tmpdir(), "holdfast-gluster-mount-"));
  const close = async () => {
    await cluster?.dispose();
    await network.remove();
    rmSync(mountPath, { recursive: true });
  };
  try {
    const running = await createGlusterCluster(network, {
      replicas: options.replicas ?? 3,
      brickMiB: options.brickMiB ?? 1_024,
      settings: { ...SETTINGS, ...options.settings },
    });
    cluster = running;
    if (options.layout !== "volume") await running.createVolume(SHARED_VOLUME);
    const agents = await addNamespaceAgents(network, options.agents ?? 3);
    return {
      backend: "glusterfs",
      server: await serverVersion(),
      agents,
      hostAddress: network.address,
      cluster: running,
      createVolume: (service) => createVolume(running, service, mountPath, agents, options),
      servers: {
        addresses: running.servers.map(({ machine }) => machine.address),
        hang: () => running.hang(),
        resume: () => running.resume(),
        kill: () => running.kill(),
        start: () => running.start(),
        fill: () => running.fill(),
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function createVolume(
  cluster: GlusterCluster,
  service: string,
  mountPath: string,
  agents: readonly StorageAgent[],
  { layout, volumeOptions }: GlusterRecipeOptions,
): Promise<Volume> {
  if (layout === "volume") await cluster.createVolume(service);
  else await cluster.makeDirectory(SHARED_VOLUME, service);
  return {
    service,
    role: "data",
    mountPath,
    diskMiB: null,
    options: {
      type: "glusterfs",
      servers: cluster.servers.map(({ machine }) => machine.address),
      ...(layout === "volume" ? { volume: service } : { volume: SHARED_VOLUME, subdirectory: `/${service}` }),
      agents: Object.fromEntries(agents.map((agent) => [agent.id, agent.address])),
      control: cluster.servers.map(({ cli }) => ({ kind: "command", command: [...cli] })),
      deadClientLockMs: DEAD_CLIENT_LOCK_MS,
      ...volumeOptions,
    },
  };
}

async function serverVersion(): Promise<string> {
  const { stdout } = await command(["glusterd", "--version"]);
  return `GlusterFS ${/glusterfs (\S+)/.exec(stdout)?.[1] ?? "of unknown version"}`;
}

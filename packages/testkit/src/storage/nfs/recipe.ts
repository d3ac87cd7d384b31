import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Volume } from "@holdfast/core";
import { createAgentNetwork } from "../../agents/network.js";
import { type Guest, guestsUnavailable, startGuest } from "../vm/index.js";
import { isInstalled } from "../vm/unavailable.js";
import type { StorageRecipe, StorageWorld } from "../world.js";
import { startNfsServer } from "./guest-server.js";
import type { NfsServer } from "./server.js";

export interface NfsRecipeOptions {
  readonly server: "kernel" | "ganesha";
  /** Further options of every volume. */
  readonly volumeOptions?: Readonly<Record<string, unknown>>;
  /** At least two; each is a virtual machine. */
  readonly agents?: number;
}

export interface NfsWorld extends StorageWorld {
  readonly agents: readonly [Guest, Guest, ...Guest[]];
  readonly server: string;
  readonly nfs: NfsServer;
}

export interface NfsRecipe extends StorageRecipe {
  start(): Promise<NfsWorld>;
}

const FIRST_AGENT = 202;

/** NFSv4 between real kernels: the agents are virtual machines, because this machine's kernel may have no NFS. */
export function nfsRecipe(options: NfsRecipeOptions): NfsRecipe {
  return {
    backend: `nfs4-${options.server}`,
    unavailable: () => nfsUnavailable(options.server),
    start: () => startWorld(options),
  };
}

function nfsUnavailable(server: NfsRecipeOptions["server"]): string | undefined {
  const tools = [
    "mount.nfs",
    "sshd",
    "ssh",
    "ssh-keygen",
    "mkfs.ext4",
    server === "kernel" ? "rpc.nfsd" : "ganesha.nfsd",
  ];
  const missing = tools.filter((tool) => !isInstalled(tool));
  return missing.length > 0 ? `NFS: no ${missing.join(", ")}` : guestsUnavailable();
}

async function startWorld(options: NfsRecipeOptions): Promise<NfsWorld> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-nfs-"));
  const network = await createAgentNetwork();
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const part of opened.splice(0)) await part.close();
    await network.remove();
    rmSync(directory, { recursive: true });
  };
  try {
    const names = Array.from({ length: options.agents ?? 2 }, (_, index) => `agent-${index + 1}`);
    // All at once: most of a boot is waiting for the other processor.
    const started = await Promise.allSettled([
      startNfsServer(options.server, network, directory).then((server) => {
        opened.push(server);
        return server;
      }),
      ...names.map(async (name, index) => {
        const number = FIRST_AGENT + index;
        const guest = await startGuest({ network, number, name, share: directory, memoryMiB: 768 });
        opened.unshift({ close: () => guest.kill() });
        return guest;
      }),
    ] as const);
    const failure = started.find((result) => result.status === "rejected");
    if (failure !== undefined) throw failure.reason;
    const [server, ...agents] = started.map((result) => (result as PromiseFulfilledResult<unknown>).value) as [
      NfsServer,
      ...Guest[],
    ];
    const [first, second, ...others] = agents;
    if (first === undefined || second === undefined) throw new Error("a storage world needs at least two agents");
    return {
      backend: `nfs4-${options.server}`,
      server: server.version,
      agents: [first, second, ...others],
      hostAddress: network.address,
      nfs: server,
      createVolume: (service) => createVolume(server, service, agents, options.volumeOptions ?? {}),
      servers: {
        addresses: [server.address],
        hang: () => server.hang(),
        resume: () => server.resume(),
        kill: () => server.kill(),
        start: () => server.start(),
        fill: (volume) => fill(server, server.place(volume.service).directory),
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function createVolume(
  server: NfsServer,
  service: string,
  agents: readonly Guest[],
  further: Readonly<Record<string, unknown>>,
): Promise<Volume> {
  const { source, directory } = server.place(service);
  // On the disk, or a server that is killed at once would come back without it.
  await server.shell(`mkdir ${directory}; sync -f ${directory}`);
  return {
    service,
    role: "data",
    mountPath: `/srv/holdfast/${service}`,
    diskMiB: null,
    options: {
      type: "nfs4",
      source,
      server: {
        kind: server.kind,
        control: server.control("env"),
        directory,
        ...(await server.options(service)),
      },
      agents: Object.fromEntries(agents.map(({ id, address }) => [id, address])),
      ...further,
    },
  };
}

/** Reserved blocks are root's, and the server writes as root: so until not a byte is left. */
async function fill(server: NfsServer, directory: string): Promise<() => Promise<void>> {
  const file = `${directory}/../fill`;
  await server.shell(
    `fallocate -l $(df --output=avail -B1 ${directory} | tail -1) ${file}; cat /dev/zero >> ${file} 2> /dev/null || true; sync ${file}`,
  );
  return async () => void (await server.shell(`rm -f ${file}; sync ${directory}`));
}

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { command } from "../../agents/command.js";
import { createAgentNetwork, namespacesUnavailable } from "../../agents/network.js";
import { addNamespaceAgents } from "../namespace-agent.js";
import type { StorageRecipe, StorageWorld } from "../world.js";
import { type NbdMachine, type NbdServerKind, startNbdMachine } from "./machine.js";

export type NbdFsType = "ext4" | "xfs";

export interface NbdRecipeOptions {
  readonly agents?: number;
  readonly imageMiB?: number;
  /** Further options of every volume. */
  readonly volumeOptions?: Readonly<Record<string, unknown>>;
  /** The server's program; default: the built one of this repository. */
  readonly program?: readonly [string, ...string[]];
}

export interface NbdWorld extends StorageWorld {
  readonly machine: NbdMachine;
}

export interface NbdRecipe extends StorageRecipe {
  start(): Promise<NbdWorld>;
}

const BUILT = fileURLToPath(new URL("../../../../storage-nbd/dist/server/main.js", import.meta.url));
/** mkfs.xfs makes nothing below 300 MiB. */
const IMAGE_MIB = { ext4: 192, xfs: 320 };

/** Network block devices: a server in a network namespace of its own, agents in others. */
export function nbdRecipe(server: NbdServerKind, fsType: NbdFsType, options: NbdRecipeOptions = {}): NbdRecipe {
  const program = options.program ?? [process.execPath, BUILT];
  return {
    backend: `nbd-${server}`,
    unavailable: () => unavailable(server, fsType, program),
    start: () => startWorld(server, fsType, program, options),
  };
}

function unavailable(server: NbdServerKind, fsType: NbdFsType, program: readonly string[]): string | undefined {
  const path = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const missing = [server, "nbdfuse", `mkfs.${fsType}`, "losetup", "flock", "ss"].filter(
    (tool) => !path.some((directory) => existsSync(join(directory, tool))),
  );
  if (missing.length > 0) return `network block devices: no ${missing.join(", ")}`;
  for (const file of ["/dev/fuse", "/dev/loop-control", program.at(-1) ?? ""]) {
    if (!existsSync(file)) return `network block devices: no ${file}`;
  }
  return namespacesUnavailable();
}

async function startWorld(
  kind: NbdServerKind,
  fsType: NbdFsType,
  program: readonly [string, ...string[]],
  options: NbdRecipeOptions,
): Promise<NbdWorld> {
  const network = await createAgentNetwork();
  const mounts = mkdtempSync(join(tmpdir(), "holdfast-nbd-mount-"));
  let machine: NbdMachine | undefined;
  const close = async () => {
    await machine?.dispose();
    await network.remove();
    rmSync(mounts, { recursive: true });
  };
  try {
    const started = await startNbdMachine(await network.addAgent(), kind, program);
    machine = started;
    const agents = await addNamespaceAgents(network, options.agents ?? 2);
    return {
      backend: `nbd-${kind}`,
      server: await versionOf(kind),
      agents,
      hostAddress: network.address,
      machine: started,
      async createVolume(service) {
        const { port } = started.addVolume(service, options.imageMiB ?? IMAGE_MIB[fsType]);
        const mountPath = join(mounts, service);
        mkdirSync(mountPath);
        return {
          service,
          role: "data",
          mountPath,
          diskMiB: null,
          options: {
            volume: service,
            server: { kind, address: started.address, port },
            control: { kind: "command", command: started.control },
            fsType,
            agents: Object.fromEntries(agents.map((agent) => [agent.id, agent.address])),
            ...options.volumeOptions,
          },
        };
      },
      servers: {
        addresses: [started.address],
        hang: () => started.hang(),
        resume: () => started.resume(),
        kill: () => started.kill(),
        start: () => started.start(),
        fill: () => started.fill(),
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function versionOf(kind: NbdServerKind): Promise<string> {
  const { stdout, stderr } = await command([kind, "--version"]);
  return `${kind} ${/\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? "of unknown version"}`;
}

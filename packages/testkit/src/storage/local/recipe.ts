import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Volume } from "@holdfast/core";
import { createAgentNetwork, namespacesUnavailable } from "../../agents/network.js";
import { namespaceAgent } from "../namespace-agent.js";
import type { StorageAgent, StorageRecipe, StorageWorld } from "../world.js";
import { createLocalDisk, type LocalDisk } from "./disk.js";

export interface LocalRecipeOptions {
  readonly agents?: number;
  readonly diskMiB?: number;
  /** Further options of every volume. */
  readonly volumeOptions?: Readonly<Record<string, unknown>>;
  /** The data lies at the mount path itself, and the strategy mounts nothing. */
  readonly inPlace?: boolean;
  /** What it is filed under; default: `local-directory`. For other strategies over directories. */
  readonly backend?: string;
}

export interface LocalWorld extends StorageWorld {
  /** By agent id. */
  readonly disks: ReadonlyMap<string, LocalDisk>;
}

export interface LocalRecipe extends StorageRecipe {
  start(): Promise<LocalWorld>;
}

/**
 * Machines with a disk of their own, at the same path, that no other machine sees. There are no servers: `kill` and
 * `start` find none, and `hang` is a disk that takes no write any more.
 */
export function localRecipe(options: LocalRecipeOptions = {}): LocalRecipe {
  return { backend: options.backend ?? "local-directory", unavailable, start: () => startWorld(options) };
}

function unavailable(): string | undefined {
  const path = (process.env.PATH ?? "").split(delimiter);
  const missing = ["mkfs.ext4", "losetup", "fsfreeze", "unshare", "setpriv"].filter(
    (tool) => ![...path, "/usr/sbin", "/sbin"].some((directory) => existsSync(join(directory, tool))),
  );
  if (missing.length > 0) return `local disks: no ${missing.join(", ")}`;
  return existsSync("/dev/loop-control") ? namespacesUnavailable() : "local disks: no loop devices in this kernel";
}

async function startWorld(options: LocalRecipeOptions): Promise<LocalWorld> {
  const network = await createAgentNetwork();
  const base = mkdtempSync(join(tmpdir(), "holdfast-local-"));
  const mountPoint = join(base, "disk");
  mkdirSync(mountPoint);
  const disks = new Map<string, LocalDisk>();
  const all = async (action: (disk: LocalDisk) => Promise<unknown>) => {
    for (const disk of disks.values()) await action(disk);
  };
  const close = async () => {
    await all((disk) => disk.thaw());
    await network.remove();
    await all((disk) => disk.remove());
    rmSync(base, { recursive: true });
  };
  try {
    const agents: StorageAgent[] = [];
    for (let number = 1; number <= (options.agents ?? 2); number += 1) {
      const id = `agent-${number}`;
      const machine = await network.addAgent();
      const disk = await createLocalDisk(join(base, `${id}.img`), mountPoint, options.diskMiB ?? 96);
      disks.set(id, disk);
      const enter = ["nsenter", `--net=/run/netns/${machine.name}`, disk.enter, "--"];
      agents.push(namespaceAgent(id, { ...machine, enter }));
    }
    const [first, second, ...others] = agents;
    if (first === undefined || second === undefined) throw new Error("a storage world needs at least two agents");
    return {
      backend: options.backend ?? "local-directory",
      server: `ext4 on Linux ${release()}`,
      agents: [first, second, ...others],
      hostAddress: network.address,
      disks,
      async createVolume(service) {
        const path = join(mountPoint, service);
        await all((disk) => disk.run(["mkdir", path]));
        return volumeOf(service, path, options);
      },
      servers: {
        addresses: [],
        hang: () => all((disk) => disk.freeze()),
        resume: () => all((disk) => disk.thaw()),
        kill: async () => undefined,
        start: async () => undefined,
        fill: async () => {
          await all((disk) => fill(disk, mountPoint));
          return () => all((disk) => disk.run(["rm", "-f", "--", join(mountPoint, FILLER)]));
        },
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function volumeOf(service: string, path: string, options: LocalRecipeOptions): Volume {
  const inPlace = options.inPlace === true;
  return {
    service,
    role: "data",
    mountPath: inPlace ? path : `${path}-mounted`,
    diskMiB: null,
    options: { ...(inPlace ? {} : { path }), ...options.volumeOptions },
  };
}

const FILLER = "filler";

/** Until the last block is taken: the whole first, the rest in the file system's own blocks. */
async function fill(disk: LocalDisk, mountPoint: string): Promise<void> {
  const script = `for size in 1M 4k; do dd if=/dev/zero bs=$size of="$1" oflag=append conv=notrunc status=none && exit 1; done; sync -f "$1"`;
  await disk.run(["sh", "-c", script, "fill", join(mountPoint, FILLER)]);
}

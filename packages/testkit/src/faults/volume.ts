import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseMountinfo } from "@holdfast/core";
import { command } from "../agents/command.js";

/**
 * - `shared`: one directory, which every agent sees at a path of its own. With root, each agent also has a claim file of
 *   its own, as on file systems that do not pass locks between machines: then the claim cannot cover up for a
 *   broken lease.
 * - `shared-claim`: the same with one claim for all.
 * - `disk`: an ext4 of its own on a loop device, mounted once for each agent.
 */
export type VolumeKind = "shared" | "shared-claim" | "disk";

export interface SceneVolume {
  readonly kind: VolumeKind;
  /** Where the suite itself sees it. */
  readonly root: string;
  readonly device: string | null;
  /** Makes it visible for one agent; returns the path. Call after the volume was marked. */
  present(agent: string): Promise<string>;
  close(): Promise<void>;
}

const DISK_MIB = 32;

export async function openVolume(kind: VolumeKind, directory: string): Promise<SceneVolume> {
  const root = join(directory, "volume");
  mkdirSync(root);
  const device = kind === "disk" ? await makeDisk(directory, root) : null;
  const mounted: string[] = [];
  const bind = async (source: string, target: string) => {
    await command(["mount", "--bind", source, target]);
    mounted.push(target);
  };
  return {
    kind,
    root,
    device,
    async present(agent) {
      const path = join(directory, `volume-${agent}`);
      mkdirSync(path);
      if (process.getuid?.() !== 0) return root;
      await bind(root, path);
      if (kind !== "shared-claim") {
        const claim = join(directory, `claim-${agent}`);
        closeSync(openSync(claim, "wx", 0o644));
        await bind(claim, join(path, ".holdfast", "claim"));
      }
      return path;
    },
    async close() {
      // A row may have unmounted some of them itself. Lazy: what still holds a file there was killed, and may be in D state.
      for (const path of [...mounted.reverse(), ...(device === null ? [] : [root])]) await unmount(path);
      if (device !== null) await command(["losetup", "-d", device]);
    },
  };
}

async function unmount(path: string): Promise<void> {
  const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  if (mounts.some((mount) => mount.mountPoint === path)) await command(["umount", "-l", path]);
}

async function makeDisk(directory: string, root: string): Promise<string> {
  const image = join(directory, "disk");
  await command(["truncate", "-s", `${DISK_MIB}M`, image]);
  await command(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
  const device = (await command(["losetup", "-f", "--show", image])).stdout.trim();
  // A real disk turns read-only after an error; the default would go on.
  await command(["mount", "-o", "errors=remount-ro", device, root]);
  return device;
}

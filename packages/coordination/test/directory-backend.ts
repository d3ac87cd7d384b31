import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDirectoryStore } from "@holdfast/coordination";
import type { StoreBackend, StoreRecipe, Unavailable } from "@holdfast/testkit/vitest";

const module = fileURLToPath(new URL("../dist/directory/index.js", import.meta.url));

export const recipe = (directory: string): StoreRecipe => ({
  module,
  exportName: "createDirectoryStore",
  options: { directory },
});

export async function makeScratch(): Promise<string> {
  return mkdtemp(join(tmpdir(), "holdfast-directory-"));
}

export interface OwnFileSystem {
  readonly mountPoint: string;
  unmount(): void;
  mount(): void;
  /** Writes hang from now on. */
  freeze(): void;
  unfreeze(): void;
  /** From any state. */
  stop(): void;
}

export const mountsUnavailable: Unavailable | undefined =
  process.getuid?.() === 0
    ? undefined
    : { unavailable: "only root can make a file system of its own for the test to stop and unmount" };

/** A small ext4 on a loop device: one that the test may freeze, fill and unmount. */
export function makeFileSystem(scratch: string, sizeMiB = 64): OwnFileSystem {
  const image = join(scratch, "image");
  const mountPoint = join(scratch, "mnt");
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: "pipe", encoding: "utf8" });
  run("truncate", "-s", `${sizeMiB}M`, image);
  run("mkfs.ext4", "-q", "-F", image);
  run("mkdir", "-p", mountPoint);
  const device = run("losetup", "--find", "--show", image).trim();
  let mounted = false;
  let frozen = false;
  const fileSystem: OwnFileSystem = {
    mountPoint,
    mount() {
      run("mount", device, mountPoint);
      mounted = true;
    },
    unmount() {
      run("umount", mountPoint);
      mounted = false;
    },
    freeze() {
      run("fsfreeze", "--freeze", mountPoint);
      frozen = true;
    },
    unfreeze() {
      run("fsfreeze", "--unfreeze", mountPoint);
      frozen = false;
    },
    stop() {
      if (frozen) fileSystem.unfreeze();
      if (mounted) fileSystem.unmount();
      run("losetup", "--detach", device);
    },
  };
  fileSystem.mount();
  return fileSystem;
}

/** A store on a file system of its own, which can be frozen; its root is reached through a symbolic link. */
export async function startDirectoryBackend(): Promise<StoreBackend> {
  const scratch = await makeScratch();
  const fileSystem = mountsUnavailable === undefined ? makeFileSystem(scratch) : undefined;
  const target = join(fileSystem?.mountPoint ?? scratch, "store");
  const directory = join(scratch, "root");
  execFileSync("mkdir", ["-p", target]);
  await symlink(target, directory);
  return {
    createStore: () => createDirectoryStore({ directory }),
    processes: recipe(directory),
    hang: mountsUnavailable ?? { hang: async () => fileSystem?.freeze(), resume: async () => fileSystem?.unfreeze() },
    away: { goAway: () => unlink(directory), comeBack: () => symlink(target, directory) },
    removeRecord: { remove: (path) => rm(join(directory, `${path}.rec`), { recursive: true }) },
    // Whoever looks sees that the process is gone; nobody has to be told.
    ephemeralGoneWithinMs: 500,
    refusesFormerCreation: true,
    async stop() {
      fileSystem?.stop();
      await rm(scratch, { recursive: true });
    },
  };
}

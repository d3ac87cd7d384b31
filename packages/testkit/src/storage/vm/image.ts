import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BOOT_MODULES, GUEST_INIT_SCRIPT, INIT_SCRIPT } from "./scripts.js";

/** What a guest is started from. */
export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
  /** `lib/modules` of the kernel's package. */
  readonly modules: string;
  readonly version: string;
}

const run = promisify(execFile);
const DOWNLOAD_LIMIT_MS = 300_000;
/** The flavour for clouds has no 9p. */
const META_PACKAGE = "linux-image-amd64";

/** Downloads and unpacks Debian's kernel, once per version; installs nothing. */
export async function buildGuestImage(): Promise<GuestImage> {
  const cache = join(cacheDirectory(), "vm");
  mkdirSync(cache, { recursive: true });
  const name = await withFreshLists(async () => {
    const found = (await kernelPackage()) ?? newestKernel(cache);
    if (found === undefined) throw new Error(`apt knows no ${META_PACKAGE}`);
    await once(join(cache, found), (directory) => unpackKernel(found, directory));
    return found;
  });
  const unpacked = join(cache, name);
  const modules = join(unpacked, "lib/modules");
  const version = readdirSync(modules)[0] as string;
  const scripts = createHash("sha256")
    .update(INIT_SCRIPT + GUEST_INIT_SCRIPT + BOOT_MODULES.join())
    .digest("hex");
  const initrd = join(cache, `${name}-${scripts.slice(0, 12)}`);
  await once(initrd, (directory) => packInitrd(unpacked, version, directory));
  return { kernel: join(unpacked, "boot", `vmlinuz-${version}`), initrd: join(initrd, "initrd"), modules, version };
}

/** The workspace's cache; elsewhere (a published package) the machine's directory for temporary files. */
function cacheDirectory(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== "/"; at = dirname(at)) {
    if (existsSync(join(at, "pnpm-workspace.yaml"))) return join(at, "node_modules/.cache/holdfast");
  }
  return join(tmpdir(), "holdfast-cache");
}

/** Lists that are missing, or older than the archive, name no kernel or one that is there no more. */
async function withFreshLists<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    await run("apt-get", ["update"], { timeout: DOWNLOAD_LIMIT_MS }).catch((update: unknown) => {
      throw new AggregateError([error, update], `no kernel for guests: ${error}; and apt-get update failed: ${update}`);
    });
    return attempt();
  }
}

async function kernelPackage(): Promise<string | undefined> {
  // Fails when the lists are empty.
  const { stdout } = await run("apt-cache", ["depends", META_PACKAGE]).catch(() => ({ stdout: "" }));
  return /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
}

function newestKernel(cache: string): string | undefined {
  return readdirSync(cache)
    .filter((entry) => /^linux-image-.*-amd64$/.test(entry))
    .sort()
    .at(-1);
}

/** Made beside its place and renamed, so that a killed or a parallel test run leaves no half of it. */
async function once(directory: string, make: (directory: string) => Promise<void>): Promise<void> {
  if (existsSync(directory)) return;
  const draft = `${directory}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  try {
    await make(draft);
    renameSync(draft, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function unpackKernel(name: string, directory: string): Promise<void> {
  await run("apt-get", ["download", name], { cwd: directory, timeout: DOWNLOAD_LIMIT_MS });
  const file = readdirSync(directory).find((entry) => entry.endsWith(".deb"));
  if (file === undefined) throw new Error(`apt-get download ${name} left no file`);
  await run("dpkg", ["-x", join(directory, file), directory], { timeout: DOWNLOAD_LIMIT_MS });
  rmSync(join(directory, file));
  await run("depmod", ["-b", directory, readdirSync(join(directory, "lib/modules"))[0] as string]);
}

async function packInitrd(unpacked: string, version: string, directory: string): Promise<void> {
  const root = join(directory, "root");
  await mkdir(join(root, "bin"), { recursive: true });
  await mkdir(join(root, "lib/modules"), { recursive: true });
  await copyFile(await programPath("busybox"), join(root, "bin/busybox"));
  await chmod(join(root, "bin/busybox"), 0o755);
  await symlink("busybox", join(root, "bin/sh"));
  const order = await moduleFiles(unpacked, version);
  for (const file of order) await copyFile(file, join(root, "lib/modules", basename(file)));
  await writeFile(join(root, "order"), order.map((file) => `/lib/modules/${basename(file)}\n`).join(""));
  await writeFile(join(root, "init"), INIT_SCRIPT, { mode: 0o755 });
  await writeFile(join(root, "guest-init"), GUEST_INIT_SCRIPT);
  await run("sh", ["-ec", 'find . | cpio --quiet -o -H newc | gzip -1 > "$1"', "sh", join(directory, "initrd")], {
    cwd: root,
  });
  rmSync(root, { recursive: true });
}

/** In the order in which they must be loaded, each once. */
async function moduleFiles(unpacked: string, version: string): Promise<string[]> {
  const files = new Set<string>();
  // One that is built into the kernel has no file.
  const builtIn = await readFile(join(unpacked, "lib/modules", version, "modules.builtin"), "utf8");
  for (const module of BOOT_MODULES) {
    if (builtIn.includes(`/${module}.ko`)) continue;
    const { stdout } = await run("modprobe", ["-d", unpacked, "-S", version, "--show-depends", module]);
    for (const [, file] of stdout.matchAll(/^insmod (\S+)/gm)) files.add(file as string);
  }
  return [...files];
}

async function programPath(name: string): Promise<string> {
  const { stdout } = await run("which", [name]);
  return stdout.trim();
}

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const DOWNLOAD_LIMIT_MS = 300_000;
/** The flavour for clouds has no 9p. */
const META_PACKAGE = "linux-image-amd64";
const KERNEL_PACKAGE = /^linux-image-.*-amd64$/;

/** Where the newest kernel that was downloaded lies, unpacked; undefined = none was. */
export function guestKernel(): string | undefined {
  const cache = cacheDirectory();
  if (!existsSync(cache)) return undefined;
  const newest = readdirSync(cache)
    .filter((entry) => KERNEL_PACKAGE.test(entry))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .at(-1);
  return newest === undefined ? undefined : join(cache, newest);
}

/**
 * Downloads and unpacks Debian's present kernel, once per version; installs nothing.
 * @throws Error when apt cannot give one, with what it said.
 */
export async function downloadGuestKernel(): Promise<string> {
  return withFreshLists(async () => {
    const { stdout } = await run("apt-cache", ["depends", META_PACKAGE]);
    const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
    if (name === undefined) throw new Error(`apt knows no ${META_PACKAGE}`);
    const unpacked = join(cacheDirectory(), name);
    await makeOnce(unpacked, (directory) => unpackKernel(name, directory));
    return unpacked;
  });
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

/** The workspace's cache; elsewhere (a published package) the machine's directory for temporary files. */
function cacheDirectory(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== "/"; at = dirname(at)) {
    if (existsSync(join(at, "pnpm-workspace.yaml"))) return join(at, "node_modules/.cache/holdfast/vm");
  }
  return join(tmpdir(), "holdfast-cache/vm");
}

const making = new Map<string, Promise<void>>();

/** Guests are started side by side: of those that want the same at once, one makes it and the others wait. */
export function makeOnce(directory: string, make: (directory: string) => Promise<void>): Promise<void> {
  const present = making.get(directory) ?? makeBeside(directory, make).finally(() => making.delete(directory));
  making.set(directory, present);
  return present;
}

/** Made beside its place and renamed, so that a killed or a parallel test run leaves no half of it. */
async function makeBeside(directory: string, make: (directory: string) => Promise<void>): Promise<void> {
  if (existsSync(directory)) return;
  const draft = join(dirname(directory), `draft-${randomUUID()}-${basename(directory)}`);
  mkdirSync(draft, { recursive: true });
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

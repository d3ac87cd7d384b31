import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { downloadGuestKernel, guestKernel, makeOnce } from "./kernel.js";
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

/** The kernel, downloaded unless it is there, and a first file system made for it. */
export async function buildGuestImage(): Promise<GuestImage> {
  const unpacked = guestKernel() ?? (await downloadGuestKernel());
  const modules = join(unpacked, "lib/modules");
  const version = readdirSync(modules)[0] as string;
  const scripts = createHash("sha256")
    .update(INIT_SCRIPT + GUEST_INIT_SCRIPT + BOOT_MODULES.join())
    .digest("hex");
  const initrd = `${unpacked}-${scripts.slice(0, 12)}`;
  await makeOnce(initrd, (directory) => packInitrd(unpacked, version, directory));
  return { kernel: join(unpacked, "boot", `vmlinuz-${version}`), initrd: join(initrd, "initrd"), modules, version };
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

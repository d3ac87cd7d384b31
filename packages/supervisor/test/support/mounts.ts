import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { scratch, until } from "./harness.js";

const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** Whether a program is there; a test that needs a missing one is skipped by name. */
export function has(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

function unmountAtEnd(path: string): void {
  // It may be gone already, or covered twice: the test is what matters, this only cleans up after it.
  onTestFinished(() => {
    while (spawnSync("mountpoint", ["-q", path]).status === 0 && spawnSync("umount", ["-l", path]).status === 0);
  });
}

export function mountTmpfs(path: string = scratch(), size = "8m"): string {
  run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path);
  unmountAtEnd(path);
  return path;
}

export function bindMount(path: string): string {
  run("mount", "--bind", path, path);
  unmountAtEnd(path);
  return path;
}

export const makeReadOnly = (path: string): string => run("mount", "-o", "remount,bind,ro", path);
export const unmount = (path: string): string => run("umount", "-l", path);

export interface Freezable {
  readonly path: string;
  freeze(): void;
  thaw(): void;
}

/** An ext4 of its own that can be frozen: whoever writes to it then waits in the kernel, SIGKILL or not. */
export function mountFreezable(): Freezable {
  const directory = scratch();
  const [image, path] = [join(directory, "image"), join(directory, "mount")];
  mkdirSync(path);
  run("truncate", "-s", "16M", image);
  run("mkfs.ext4", "-q", image);
  run("mount", "-o", "loop", image, path);
  unmountAtEnd(path);
  let frozen = false;
  const thaw = () => {
    if (frozen) run("fsfreeze", "-u", path);
    frozen = false;
  };
  onTestFinished(thaw);
  return {
    path,
    freeze() {
      run("fsfreeze", "-f", path);
      frozen = true;
    },
    thaw,
  };
}

/** A FUSE mount whose server never answers: whoever looks at it waits until he is killed. */
export async function mountUnanswered(): Promise<string> {
  const path = scratch();
  const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
  const server = spawn(
    "sh",
    ["-c", `exec 3<>/dev/fuse; mount -i -t fuse -o ${options} none "$1" && exec sleep 1000`, "sh", path],
    { stdio: "ignore" },
  );
  onTestFinished(() => {
    server.kill("SIGKILL");
    spawnSync("umount", ["-l", path]);
  });
  await until("mounted", () => run("cat", "/proc/self/mountinfo").includes(` ${path} `));
  return path;
}

/** A file system that is not local, as far as the kernel can tell: a FUSE server in front of a directory. */
export async function mountFuse(): Promise<{ readonly path: string; stop(): void; resume(): void }> {
  const [source, path] = [scratch(), scratch()];
  const server = spawn("bindfs", ["-f", source, path], { stdio: "ignore" });
  onTestFinished(() => {
    server.kill("SIGKILL");
    spawnSync("umount", ["-l", path]);
  });
  await until("mounted", () => run("cat", "/proc/self/mountinfo").includes(` ${path} `));
  return { path, stop: () => void server.kill("SIGSTOP"), resume: () => void server.kill("SIGCONT") };
}

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { parseMountinfo } from "@holdfast/core";
import { command } from "../../agents/command.js";
import { until } from "../../agents/until.js";

/**
 * A disk that one machine has and the others have not: a loop device with ext4, mounted at the same path in a mount
 * namespace of each machine. A sleeping process keeps the namespace; with it, the mount and the device are gone.
 */
export interface LocalDisk {
  /** Of nsenter(1). */
  readonly enter: string;
  run(argv: readonly [string, ...string[]]): Promise<string>;
  /** Every write and fsync waits, as on a disk whose controller hangs; reading goes on from memory. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Fails when the device stays. */
  remove(): Promise<void>;
}

const START_MS = 5_000;
const GONE_MS = 10_000;

export async function createLocalDisk(image: string, mountPoint: string, sizeMiB: number): Promise<LocalDisk> {
  await command(["truncate", "--size", `${sizeMiB}M`, image]);
  // No blocks in reserve for root, who could otherwise still write when the disk is full.
  await command(["mkfs.ext4", "-q", "-m", "0", image]);
  const holder = spawn(
    "setpriv",
    ["--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation", "private", "sleep", "infinity"],
    { stdio: "ignore" },
  );
  const ended = new Promise<void>((resolve) => holder.once("exit", () => resolve()));
  try {
    const enter = await namespaceOf(holder);
    const run = async (argv: readonly [string, ...string[]]) =>
      (await command(["nsenter", enter, "--", ...argv])).stdout;
    await releaseForeign(holder.pid ?? -1, run);
    await mountImage(run, image, mountPoint);
    let frozen = false;
    return {
      enter,
      run,
      async freeze() {
        if (!frozen) await run(["fsfreeze", "--freeze", mountPoint]);
        frozen = true;
      },
      async thaw() {
        if (frozen) await run(["fsfreeze", "--unfreeze", mountPoint]);
        frozen = false;
      },
      async remove() {
        holder.kill("SIGKILL");
        await ended;
        await deviceGone(image);
      },
    };
  } catch (error) {
    holder.kill("SIGKILL");
    await ended;
    throw error;
  }
}

async function namespaceOf(holder: ChildProcess): Promise<string> {
  const path = `/proc/${holder.pid}/ns/mnt`;
  const own = readlinkSync("/proc/self/ns/mnt");
  await until("a mount namespace of its own", () => holder.exitCode === null && readlinkSync(path) !== own, {
    timeoutMs: START_MS,
    intervalMs: 2,
    seen: () => `exit code ${holder.exitCode}`,
  });
  return `--mount=${path}`;
}

/** The namespace begins as a copy, and would keep mounts of other tests busy for as long as it lives. */
async function releaseForeign(pid: number, run: LocalDisk["run"]): Promise<void> {
  const mounts = parseMountinfo(await readFile(`/proc/${pid}/mountinfo`, "utf8"));
  const foreign = mounts.filter(({ source, fsType }) => source.startsWith("/dev/loop") || fsType.startsWith("fuse"));
  for (const { mountPoint } of foreign.reverse()) await run(["umount", "--lazy", mountPoint]);
}

/**
 * Not by `mount -o loop`: that asks every loop device of the machine first, and one of another test may hang. Freeing a
 * device that is mounted makes it go with its mount (LO_FLAGS_AUTOCLEAR).
 */
async function mountImage(run: LocalDisk["run"], image: string, mountPoint: string): Promise<void> {
  const device = (await run(["losetup", "--find", "--show", image])).trim();
  try {
    await run(["mount", device, mountPoint]);
  } finally {
    await run(["losetup", "--detach", device]);
  }
}

/** In sysfs, which no device that hangs can hold up. */
async function deviceGone(image: string): Promise<void> {
  const using = () =>
    readdirSync("/sys/block")
      .filter((name) => name.startsWith("loop"))
      .filter((name) => backingFile(name) === image);
  await until(`the loop device of ${image} to go`, () => using().length === 0, {
    timeoutMs: GONE_MS,
    seen: () => using().join(", "),
  });
}

function backingFile(device: string): string | undefined {
  try {
    return readFileSync(`/sys/block/${device}/loop/backing_file`, "utf8").trim();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENXIO") return undefined; // free, or freed at this moment
    throw error;
  }
}

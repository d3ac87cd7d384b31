import { type ChildProcess, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
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
    await run(["mount", "-o", "loop", image, mountPoint]);
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

async function deviceGone(image: string): Promise<void> {
  let seen = "";
  await until(
    `the loop device of ${image} to go`,
    async () => {
      seen = (await command(["losetup", "--associated", image])).stdout.trim();
      return seen === "";
    },
    { timeoutMs: GONE_MS, seen: () => seen },
  );
}

import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { parseMountinfo } from "@holdfast/core";
import { command } from "../../agents/command.js";

export interface ImageLoop {
  /** `loop3`. */
  readonly name: string;
  /** `major:minor`. */
  readonly device: string;
}

/** Loop devices whose images lie below that directory. */
export function loopsBelow(directory: string): ImageLoop[] {
  return readdirSync("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .filter((name) => readIfThere(`/sys/block/${name}/loop/backing_file`).startsWith(`${directory}/`))
    .map((name) => ({ name, device: readIfThere(`/sys/block/${name}/dev`).trim() }));
}

/** A process in whose namespace one of these devices is mounted there. */
export function mounterOf(directory: string, path: string): number {
  const devices = new Set(loopsBelow(directory).map(({ device }) => device));
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const mounts = parseMountinfo(readIfThere(`/proc/${pid}/mountinfo`));
    if (mounts.some(({ device, mountPoint }) => mountPoint === path && devices.has(device))) return Number(pid);
  }
  throw new Error(`nobody has mounted ${path}`);
}

/**
 * Hangs file systems that are mounted somewhere, by fsfreeze: writers sleep in the kernel. Each is mounted here as
 * well first: what nobody has mounted any more could never be thawed.
 */
export function createFreezer(directory: string): { freeze(): Promise<void>; thaw(): Promise<void> } {
  const frozen: string[] = [];
  return {
    async freeze() {
      for (const { name } of loopsBelow(directory)) {
        const path = join(directory, "frozen", name);
        mkdirSync(path, { recursive: true });
        await command(["mount", "-t", "ext4", `/dev/${name}`, path]);
        frozen.push(path);
        await command(["fsfreeze", "--freeze", path]);
      }
    },
    async thaw() {
      for (const path of frozen.splice(0)) {
        await command(["fsfreeze", "--unfreeze", path]);
        await command(["umount", path]);
        rmdirSync(path);
      }
    },
  };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // a process or a device that is gone
  }
}

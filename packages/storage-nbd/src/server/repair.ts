import { spawnSync } from "node:child_process";
import { HoldfastError } from "@holdfast/core";
import type { VolumePlace } from "./apply.js";
import { loopsOn, openersOf } from "./processes.js";
import { readState, statePath } from "./state.js";

/**
 * For a person at the server: checks and repairs the image while nothing is attached, with the checker's own output and
 * exit code.
 */
export async function repairImage(
  { name, volume, stateDirectory }: VolumePlace,
  how: "safe" | "force",
): Promise<number> {
  const { attached } = await readState(statePath(stateDirectory, name));
  const users = [...openersOf(volume.image, new Set()), ...loopsOn(volume.image)];
  if (attached !== null || users.length > 0) {
    throw new HoldfastError(
      "BUSY",
      `Volume ${name} is ${attached === null ? `in use by ${users.join(", ")}` : `attached to ${attached.agent}`}.`,
      { hint: "Detach or fence it first: a repair under a mounted file system destroys it.", retryable: true },
    );
  }
  const { stdout } = spawnSync("blkid", ["--probe", "--match-tag", "TYPE", "--output", "value", volume.image]);
  const xfs = String(stdout).trim() === "xfs";
  const [command, ...args] = xfs ? xfsCommand(how) : ["e2fsck", "-f", how === "force" ? "-y" : "-p"];
  const { status, error } = spawnSync(command, [...args, volume.image], { stdio: "inherit" });
  if (error === undefined) return status ?? 70;
  throw new HoldfastError("NOT_FOUND", `${command} cannot be run: ${error.message}.`, { hint: "Install it there." });
}

/** xfs_repair refuses a dirty log; throwing the log away (-L) is what "force" means. */
function xfsCommand(how: "safe" | "force"): [string, ...string[]] {
  return how === "force" ? ["xfs_repair", "-L"] : ["xfs_repair"];
}

import { spawnSync } from "node:child_process";
import { HoldfastError } from "@holdfast/core";
import type { VolumePlace } from "./apply.js";
import { loopsOn, openersOf } from "./processes.js";
import { readState, statePath, thisHost } from "./state.js";
import { imageSize } from "./status.js";

/**
 * For a person at the server: checks and repairs the image while nothing is attached, with the checker's own output and
 * exit code.
 */
export async function repairImage(place: VolumePlace, how: "safe" | "force", fsType: string): Promise<number> {
  await refuseUsed(place);
  refuseOtherType(fsType);
  const argv = fsType === "xfs" ? xfsCommand(how) : (["e2fsck", "-f", how === "force" ? "-y" : "-p"] as const);
  return runHere([...argv, place.volume.image]);
}

/** A new image only: every byte of it is read first, and must be zero. */
export async function formatImage(place: VolumePlace, fsType: string): Promise<number> {
  await refuseUsed(place);
  const { image } = place.volume;
  refuseOtherType(fsType);
  if (spawnSync("cmp", ["--quiet", `--bytes=${await imageSize(image)}`, image, "/dev/zero"]).status !== 0) {
    throw new HoldfastError("INCOMPATIBLE", `${image} is not blank; it is not formatted.`, {
      hint: "A new volume needs a new image.",
    });
  }
  return runHere(fsType === "ext4" ? ["mkfs.ext4", "-F", "-E", "nodiscard", image] : ["mkfs.xfs", "-K", image]);
}

/** Named by the caller: an image whose superblock is damaged does not say what it is. */
function refuseOtherType(fsType: string): void {
  if (fsType === "ext4" || fsType === "xfs") return;
  throw new HoldfastError("INVALID_SPEC", `There is no file system "${fsType}" here.`, { hint: "ext4 or xfs." });
}

function runHere([command, ...args]: readonly [string, ...string[]]): number {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error === undefined) return status ?? 70;
  throw new HoldfastError("NOT_FOUND", `${command} cannot be run: ${error.message}.`, { hint: "Install it there." });
}

async function refuseUsed({ name, volume, stateDirectory }: VolumePlace): Promise<void> {
  const state = await readState(statePath(stateDirectory, name));
  thisHost(name, state);
  const { attached } = state;
  const users = [...openersOf(volume.image, new Set()), ...loopsOn(volume.image)];
  if (attached === null && users.length === 0) return;
  throw new HoldfastError(
    "BUSY",
    `Volume ${name} is ${attached === null ? `in use by ${users.join(", ")}` : `attached to ${attached.agent}`}.`,
    { hint: "Detach or fence it first: a repair under a mounted file system destroys it.", retryable: true },
  );
}

/** xfs_repair refuses a dirty log; throwing the log away (-L) is what "force" means. */
function xfsCommand(how: "safe" | "force"): [string, ...string[]] {
  return how === "force" ? ["xfs_repair", "-L"] : ["xfs_repair"];
}

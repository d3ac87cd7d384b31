import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { VOLUME_MARK_DIRECTORY } from "@holdfast/core";
import { runBounded } from "@holdfast/effects";

/** Who holds a lock on the claim file. `pid` null: an open-file-description lock, of which the kernel names no process. */
export interface ClaimHolder {
  readonly pid: number | null;
}

/**
 * Asks the kernel's list of locks instead of trying to lock, so that a run which starts at this moment is not refused by a
 * look. Locks of other machines are not in it.
 */
export async function claimHolder(volume: string, timeoutMs: number): Promise<ClaimHolder | null> {
  const claim = join(volume, VOLUME_MARK_DIRECTORY, "claim");
  const { outcome, output } = await runBounded(["stat", "--format=%d %i", "--", claim], timeoutMs);
  if (outcome.kind !== "code" || outcome.code !== 0) return null;
  const [device = "", inode = ""] = output.trim().split(" ");
  return holderIn(await readFile("/proc/locks", "utf8"), BigInt(device), inode);
}

/**
 * Pure: `1: FLOCK  ADVISORY  WRITE 4711 fe:00:123 0 EOF`, see proc_locks(5). A line with `->` only waits.
 *
 * @param device - As stat(2) has it: minor in bits 0–7 and 20–31, major in bits 8–19.
 */
export function holderIn(locks: string, device: bigint, inode: string): ClaimHolder | null {
  const hex = (value: bigint) => value.toString(16).padStart(2, "0");
  const minor = (device & 0xffn) | ((device >> 12n) & 0xfff00n);
  const id = `${hex((device >> 8n) & 0xfffn)}:${hex(minor)}:${inode}`;
  for (const line of locks.split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (fields[1] === "->" || !fields.includes(id)) continue;
    const pid = Number(fields[fields.indexOf(id) - 1]);
    return { pid: pid > 0 ? pid : null };
  }
  return null;
}

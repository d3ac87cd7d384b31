import { readFile } from "node:fs/promises";
import { type MountEntry, parseMountinfo } from "@holdfast/core";

/** This process's own mounts. /proc/self/mountinfo answers without touching any file system that it names. */
export async function readMounts(): Promise<MountEntry[]> {
  return parseMountinfo(await readFile("/proc/self/mountinfo", "utf8"));
}

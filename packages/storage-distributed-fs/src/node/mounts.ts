import type { MountEntry, Op } from "@holdfast/core";
import type { Bound } from "../volume.js";

/** The mount of this volume at a path, as this process sees it; undefined when there is none. */
export async function findMount(op: Op, { driver, volume }: Bound, path: string): Promise<MountEntry | undefined> {
  const here = (await op.mounts()).filter((mount) => mount.mountPoint === path);
  // Of several on the same path the last covers the others.
  const top = here.at(-1);
  return top !== undefined && driver.isMountOf(volume.options, top) ? top : undefined;
}

import type { Op, Volume } from "@holdfast/core";
import * as z from "zod";

/**
 * What `mount` leaves on the agent's own disk for a `cut` that comes from outside the run's mount namespace. Unmount
 * leaves it there: the cut comes after it. It goes with the run's directory.
 */
const mountedSchema = z.object({ device: z.string(), source: z.string(), address: z.string().nullable() });
export type MountedNote = z.output<typeof mountedSchema>;

const BYTES_MAX = 4_096;

function fileOf(op: Op, volume: Volume): string {
  return `${op.workDirectory}/shared-fs-${volume.role}.json`;
}

export async function noteMounted(op: Op, volume: Volume, note: MountedNote): Promise<void> {
  await op.files.makeDirectory(op.workDirectory, { mode: 0o700 });
  await op.files.replace(fileOf(op, volume), Buffer.from(JSON.stringify(note)));
}

/** Null when there is none: it never was mounted, or the directory went with the tree. */
export async function readMounted(op: Op, volume: Volume): Promise<MountedNote | null> {
  const bytes = await op.files.read(fileOf(op, volume), { bytesMax: BYTES_MAX });
  if (bytes === undefined) return null;
  const parsed = mountedSchema.safeParse(JSON.parse(Buffer.from(bytes).toString()));
  return parsed.success ? parsed.data : null;
}

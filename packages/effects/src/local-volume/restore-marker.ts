import {
  dataLossReceiptSchema,
  epochSchema,
  type Op,
  recordFormat,
  runIdSchema,
  VOLUME_MARK_DIRECTORY,
} from "@holdfast/core";
import * as z from "zod";

/**
 * `.holdfast/restore.json` on a volume that is being restored. `copying`: what lies in the scratch is worth nothing.
 * `whole`: the copy is complete, and only the last steps are left, which any run may take.
 * `done` stays, so that a run that crashed before the record said so is told the same again.
 */
const restoreMarkerSchema = z.looseObject({
  v: z.literal(1),
  state: z.enum(["copying", "whole", "done"]),
  from: z.string(),
  run: runIdSchema,
  epoch: epochSchema,
  /** Of the volume that it becomes: another one than the volume that was lost, which may come back. */
  volumeId: z.uuid(),
  at: z.iso.datetime(),
  receipt: dataLossReceiptSchema.nullable(),
});
export type RestoreMarker = z.output<typeof restoreMarkerSchema>;
const restoreMarkerFormat = recordFormat("restore marker", 1, restoreMarkerSchema);

const BYTES_MAX = 32 * 1024;
const markerPath = (volume: string) => `${volume}/${VOLUME_MARK_DIRECTORY}/restore.json`;

export async function readRestoreMarker(op: Op, volume: string): Promise<RestoreMarker | null> {
  const data = await op.files.read(markerPath(volume), { bytesMax: BYTES_MAX });
  return data === undefined ? null : restoreMarkerFormat.parse(data);
}

export async function writeRestoreMarker(op: Op, volume: string, marker: RestoreMarker): Promise<void> {
  await op.files.makeDirectory(`${volume}/${VOLUME_MARK_DIRECTORY}`);
  await op.files.replace(markerPath(volume), restoreMarkerFormat.serialize(marker));
}

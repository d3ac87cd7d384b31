import * as z from "zod";
import { recordFormat } from "./codec.js";

/**
 * Stops what the controller would do, for one service (`services/<name>/pause`) or for all (`controller/pause`). Leases,
 * deadlines, volume checks and requests of runs for their storage never pause.
 */
export const pauseRecordSchema = z.looseObject({
  v: z.literal(1),
  /** Null = resumed. The record stays, so that a resume is a version-checked write as well. */
  pause: z
    .looseObject({
      owner: z.string().min(1).max(200),
      reason: z.string().max(300),
      since: z.iso.datetime(),
      /** A pause that nobody ends, ends by itself: wall time. */
      until: z.iso.datetime(),
    })
    .nullable(),
});
export type PauseRecord = z.output<typeof pauseRecordSchema>;
export type Pause = NonNullable<PauseRecord["pause"]>;
export const pauseRecordFormat = recordFormat("pause", 1, pauseRecordSchema);

/** Pure: the pause that holds at this time; null = none, or it has expired. */
export function activePause(record: PauseRecord | null | undefined, nowMs: number): Pause | null {
  const pause = record?.pause ?? null;
  return pause !== null && Date.parse(pause.until) > nowMs ? pause : null;
}

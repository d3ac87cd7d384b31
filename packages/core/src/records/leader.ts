import * as z from "zod";
import { epochSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

/** Which controller leads, and where it answers; at `controller/leader`. A hint: the controller's lease decides. */
export const leaderRecordSchema = z.looseObject({
  v: z.literal(1),
  epoch: epochSchema,
  by: z.string().max(200),
  /** Base of its API; null when it gave none. */
  url: z.string().max(300).nullable(),
  since: z.iso.datetime(),
});
export type LeaderRecord = z.output<typeof leaderRecordSchema>;
export const leaderRecordFormat = recordFormat("leader", 1, leaderRecordSchema);

import * as z from "zod";
import { epochSchema, serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

const markSchema = z.looseObject({
  id: z.string(),
  repository: z.string(),
  at: z.iso.datetime(),
  epoch: epochSchema,
  sizeBytes: z.number(),
});

/** Only the newest marks live in the store; the catalogue itself lives beside the backups. */
export const backupMarksSchema = z.looseObject({
  v: z.literal(1),
  service: serviceNameSchema,
  newest: markSchema.nullable(),
  newestVerified: markSchema.nullable(),
  newestDrilled: markSchema.nullable(),
});
export type BackupMarks = z.output<typeof backupMarksSchema>;
export const backupMarksFormat = recordFormat("backup marks", 1, backupMarksSchema);

import * as z from "zod";
import { epochSchema, runIdSchema, serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

/** At the root of each volume: `.holdfast/`. */
export const VOLUME_MARK_DIRECTORY = ".holdfast";

/** `.holdfast/volume.json`: whose volume this is. Written once by `holdfast volume init`. */
export const volumeMarkSchema = z.looseObject({
  v: z.literal(1),
  volumeId: z.uuid(),
  service: serviceNameSchema,
  /** `data`: the data set lives in `<mountPath>/data`; `root`: an adopted volume keeps it at the root. */
  layout: z.enum(["data", "root"]),
  createdAt: z.iso.datetime(),
  role: z.string().default("data"),
});
export type VolumeMark = z.output<typeof volumeMarkSchema>;
export const volumeMarkFormat = recordFormat("volume mark", 1, volumeMarkSchema);

/** `.holdfast/epoch.json`: the last epoch that mounted it. Missing = the volume never ran. */
export const volumeEpochSchema = z.looseObject({
  v: z.literal(1),
  epoch: epochSchema,
  run: runIdSchema,
  agent: z.string(),
  leaseMs: z.int().min(1),
  at: z.iso.datetime(),
});
export type VolumeEpoch = z.output<typeof volumeEpochSchema>;
export const volumeEpochFormat = recordFormat("volume epoch", 1, volumeEpochSchema);

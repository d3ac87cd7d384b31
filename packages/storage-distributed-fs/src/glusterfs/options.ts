import * as z from "zod";
import { commonOptions } from "../common-options.js";

export const glusterfsOptionsSchema = z.strictObject({
  type: z.literal("glusterfs"),
  ...commonOptions,
  servers: commonOptions.servers.describe("Every server that has a brick; all are asked for the volume's description."),
  volume: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/)
    .describe("Name of the Gluster volume."),
  subdirectory: z
    .string()
    .regex(/^\/[^\s]*[^/\s]$/, "starts with / and does not end with one")
    .optional()
    .describe("Mounts only this directory of the volume."),
  deadClientLockMs: z
    .int()
    .min(2_000)
    .default(20_000)
    .describe("How long the volume's settings let a dead client keep its locks; `inspect` compares."),
  serverPort: z.int().min(1).max(65_535).default(24_007).describe("Port of glusterd."),
  brickPorts: z
    .tuple([z.int().min(1), z.int().max(65_535)])
    .default([49_152, 60_999])
    .describe("`base-port` and `max-port` of glusterd.vol: where bricks listen."),
  directIo: z.enum(["auto", "on", "off"]).default("auto").describe("`--direct-io-mode` of the client."),
  secureManagement: z
    .boolean()
    .default(false)
    .describe("TLS towards glusterd (`--secure-mgmt`); the volume says it for bricks."),
  logLevel: z.enum(["ERROR", "WARNING", "INFO", "DEBUG"]).default("WARNING"),
});
export type GlusterfsOptions = z.output<typeof glusterfsOptionsSchema>;

import * as z from "zod";
import { commonOptions } from "../common-options.js";

export const lustreOptionsSchema = z.strictObject({
  type: z.literal("lustre"),
  ...commonOptions,
  servers: commonOptions.servers.describe("NIDs of the MGS nodes: `10.0.0.1@tcp`; a failover pair is two entries."),
  fileSystem: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,8}$/)
    .describe("Name of the file system, at most 8 characters."),
  subdirectory: z.string().startsWith("/").optional().describe("Mounts only this directory."),
});
export type LustreOptions = z.output<typeof lustreOptionsSchema>;

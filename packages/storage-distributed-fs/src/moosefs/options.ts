import { controlTargetSchema } from "@holdfast/core";
import * as z from "zod";
import { commonOptions } from "../common-options.js";

export const mooseFsOptionsSchema = z.strictObject({
  type: z.literal("moosefs"),
  ...commonOptions,
  servers: commonOptions.servers.describe("Host names or addresses of the master; tried in this order."),
  control: commonOptions.control.describe(
    "Where the master runs. The command is put before `mfscli`, `mfsmaster`, `cat` and `flock`: `env` is enough.",
  ),
  path: z
    .string()
    .regex(/^\/[^\s]*[^/\s]$/, "starts with / and does not end with one; never the whole of MooseFS")
    .describe("Directory of MooseFS that is the volume."),
  masterPort: z.int().min(1).max(65_535).default(9_421).describe("Port of the master for clients."),
  chunkServerPort: z.int().min(1).max(65_535).default(9_422).describe("Port of the chunk servers for clients."),
  masterConfigFile: z.string().startsWith("/").default("/etc/mfs/mfsmaster.cfg"),
  exportsFile: z.string().startsWith("/").default("/etc/mfs/mfsexports.cfg"),
  chunkServerControl: z
    .record(z.string(), controlTargetSchema)
    .default({})
    .describe(
      "Chunk server's address → where it runs; the command is put before `ss`. Where one is missing, a fence waits for `chunkSettleMs` instead.",
    ),
  chunkSettleMs: z
    .int()
    .min(0)
    .default(30_000)
    .describe("How long a client may go on with a chunk that the master had granted it before it was shut out."),
  sessionSustainSeconds: z
    .int()
    .min(60)
    .default(86_400)
    .describe("SESSION_SUSTAIN_TIME of the master: how long a dead client keeps its locks. `inspect` compares."),
  ioRetries: z.int().min(1).max(99).default(30).describe("`mfsioretries`: attempts until an I/O error."),
  ioTimeoutSeconds: z
    .int()
    .min(0)
    .default(150)
    .describe(
      "`mfstimeout`: an I/O error after so long at the latest; 0: no limit. A chunk that a dead client was writing can stay locked for 120 s.",
    ),
  cacheMode: z.enum(["AUTO", "YES", "NO", "DIRECT"]).default("AUTO").describe("`mfscachemode`."),
  writeCacheMiB: z
    .int()
    .min(16)
    .max(2_048)
    .default(64)
    .describe("`mfswritecachesize`: what a dead client loses at most."),
});
export type MooseFsOptions = z.output<typeof mooseFsOptionsSchema>;

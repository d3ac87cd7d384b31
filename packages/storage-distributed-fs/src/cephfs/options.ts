import * as z from "zod";
import { commonOptions } from "../common-options.js";

/** `mds_reconnect_timeout` (45 s), for which a restarted metadata server waits for clients of before, and its start; 58 s seen. */
const MOUNT_TIMEOUT_MS = 90_000;
/** Ten years: an entry that ends by itself would let a client that was paused meanwhile write again. */
const BLOCKLIST_SECONDS = 315_360_000;

export const cephFsOptionsSchema = z.strictObject({
  type: z.literal("cephfs"),
  ...commonOptions,
  servers: commonOptions.servers.describe("Monitors, with a port where it is not the usual one; the client tries all."),
  control: commonOptions.control.describe(
    "Where `ceph` runs with the rights of an administrator; that is the command.",
  ),
  mountTimeoutMs: commonOptions.mountTimeoutMs.default(MOUNT_TIMEOUT_MS),
  fileSystem: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/)
    .describe("Name of the file system."),
  path: z
    .string()
    .regex(/^\/[^\s]*[^/\s]$/, "starts with / and does not end with one; never the whole file system")
    .describe("Directory of the file system that is the volume."),
  user: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/)
    .default("admin")
    .describe("Name of the client's user, without `client.`."),
  keyringFile: z.string().startsWith("/").optional().describe("Where the agents keep that user's key."),
  configFile: z.string().startsWith("/").default("/dev/null").describe("ceph.conf of the agents; `/dev/null`: none."),
  clientSettings: z
    .record(z.string().regex(/^[a-z0-9_]+$/), z.string())
    .default({})
    .describe("Further settings of the client: `--NAME=VALUE`."),
  osdPorts: z
    .tuple([z.int().min(1), z.int().max(65_535)])
    .default([6_800, 7_300])
    .describe("`ms_bind_port_min` and `ms_bind_port_max`: where the daemons listen."),
  sessionTimeoutSeconds: z
    .int()
    .min(10)
    .default(60)
    .describe("`session_timeout` of the file system: after it a silent client is stale. `inspect` compares."),
  sessionAutocloseSeconds: z
    .int()
    .min(10)
    .default(300)
    .describe("`session_autoclose` of the file system: a dead client keeps its locks so long. `inspect` compares."),
  blocklistSeconds: z
    .int()
    .min(86_400)
    .default(BLOCKLIST_SECONDS)
    .describe("How long an entry of the blocklist lasts."),
});
export type CephFsOptions = z.output<typeof cephFsOptionsSchema>;

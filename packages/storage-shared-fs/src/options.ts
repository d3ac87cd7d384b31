import { agentIdSchema, controlTargetSchema, HoldfastError, type Volume } from "@holdfast/core";
import * as z from "zod";
import { unsafeMountOption } from "./mount/mount-options.js";
import { parseSource } from "./mount/source.js";

const addressSchema = z.union([z.ipv4(), z.ipv6()]);
const absolutePath = z.string().regex(/^\/[^\s"'\\#]*$/, "an absolute path without blanks, quotes, backslashes or #");

/** `exports(5)` options of one client, as they are safe for a database. */
const exportOptionSchema = z.string().regex(/^[a-z_]+(=[A-Za-z0-9_:./-]+)?$/, "one export option, without commas");

const kernelServerSchema = z.strictObject({
  kind: z.literal("kernel"),
  control: controlTargetSchema.describe("How a command is run as root on the server."),
  exportPath: absolutePath.optional().describe("As in exports(5). Default: the path in `source`."),
  directory: absolutePath
    .optional()
    .describe("Where that is on the server when [exports] rootdir is set there. Default: `exportPath`."),
  exportOptions: z.array(exportOptionSchema).default(["rw", "sync", "no_subtree_check", "no_root_squash"]),
  exportsDirectory: absolutePath.default("/etc/exports.d"),
});

const ganeshaServerSchema = z.strictObject({
  kind: z.literal("ganesha"),
  control: controlTargetSchema.describe("How a command is run as root on the server."),
  directory: absolutePath.describe("What is exported, on the server."),
  exportId: z.int().min(1).max(65_535).describe("Export_Id, unique on the server, the same for ever."),
  file: absolutePath.describe("The volume's own file, which ganesha.conf includes with %include."),
  pidFile: absolutePath.default("/var/run/ganesha.pid"),
  logFile: absolutePath.default("/var/log/ganesha/ganesha.log"),
  exportParameters: z
    .record(z.string().regex(/^[A-Za-z_]+$/), z.string().regex(/^[A-Za-z0-9_, .:/-]+$/))
    .default({ Squash: "No_Root_Squash", SecType: "sys" })
    .describe("Further parameters of the EXPORT block."),
});

const commandSchema = z.tuple([z.string().min(1)], z.string());

const hookServerSchema = z.strictObject({
  kind: z.literal("hook"),
  control: controlTargetSchema.describe("Where the three commands are run."),
  fence: commandSchema.describe("AGENT ADDRESSES EPOCH BY-EPOCH follow. Exit 0: that agent cannot write any more."),
  unfence: commandSchema.describe("AGENT ADDRESSES follow."),
  status: commandSchema.describe("Prints one line per fenced agent: `AGENT BY-EPOCH words…`."),
});

export const serverSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  kernelServerSchema,
  ganeshaServerSchema,
  hookServerSchema,
]);
export type ServerOptions = z.output<typeof serverSchema>;
export type KernelServerOptions = z.output<typeof kernelServerSchema>;
export type GaneshaServerOptions = z.output<typeof ganeshaServerSchema>;
export type HookServerOptions = z.output<typeof hookServerSchema>;

export const sharedFsOptionsSchema = z
  .strictObject({
    type: z.enum(["nfs4", "nfs3", "posix"]).default("nfs4").describe("`posix`: any file server the operator mounted."),
    source: z.string().min(1).describe("`server:/path`; for `posix` what mountinfo shows as the mount's source."),
    mount: z.enum(["holdfast", "operator"]).default("holdfast"),
    version: z
      .enum(["4.1", "4.2"])
      .default("4.2")
      .describe("nfs4: 4.0 has no sessions, so a repeated write may land twice."),
    port: z.int().min(1).max(65_535).default(2_049),
    syncWrites: z.boolean().default(false).describe("Mount option `sync`: write(2) returns when the server has it."),
    mountOptions: z
      .array(
        z
          .string()
          .regex(/^[a-z0-9_]+(=[A-Za-z0-9_./:@-]+)?$/, "one mount option, without commas")
          .refine((option) => unsafeMountOption(option) === null, {
            error: (issue) => unsafeMountOption(String(issue.input)) ?? "is not allowed",
          }),
      )
      .default([]),
    server: serverSchema.default({ kind: "none" }),
    agents: z
      .record(agentIdSchema, z.union([addressSchema, z.array(addressSchema).min(1)]))
      .default({})
      .describe("Agent → the addresses it mounts from. Default: its id is that address."),
    lockLeaseMs: z
      .int()
      .min(1_000)
      .default(15_000)
      .describe("How long the server keeps a dead client's locks at most; `doctor` compares it with the server."),
    crossAgentLocks: z.boolean().default(false).describe("`posix`: flock is honoured between agents there."),
    mountTimeoutMs: z.int().min(1_000).max(300_000).default(20_000),
    lookTimeoutMs: z.int().min(100).max(60_000).default(5_000).describe("A volume that does not answer is hung."),
    unmountTimeoutMs: z.int().min(1_000).max(300_000).default(15_000),
    cutTimeoutMs: z.int().min(200).max(20_000).default(2_000),
    controlTimeoutMs: z.int().min(1_000).max(300_000).default(20_000),
  })
  .superRefine((options, context) => {
    const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: "custom", path, message });
    if (options.type === "posix") {
      if (options.mount !== "operator") refuse(["mount"], "posix file systems are mounted by the operator");
      if (options.server.kind === "kernel" || options.server.kind === "ganesha")
        refuse(["server", "kind"], "an NFS server can fence NFS mounts only; for others use hook");
      return;
    }
    if (parseSource(options.source) === null) refuse(["source"], "an NFS source reads server:/path");
    if (options.crossAgentLocks) refuse(["crossAgentLocks"], "is decided by the mount; only for posix");
    if (options.type === "nfs3" && options.server.kind === "ganesha")
      refuse(["server", "kind"], "ganesha is fenced through NFSv4 exports only");
    // Without the map nobody could say which address a former holder has, and a wrong one would fence nobody.
    if (options.mount === "operator" && isExportServer(options.server) && Object.keys(options.agents).length === 0)
      refuse(["agents"], "mounted by the operator, every agent has to be exported to: name them with their addresses");
  });
export type SharedFsOptions = z.output<typeof sharedFsOptionsSchema>;

/** The server's list of clients is ours to write. */
function isExportServer(server: ServerOptions): server is KernelServerOptions | GaneshaServerOptions {
  return server.kind === "kernel" || server.kind === "ganesha";
}

/** @throws `INVALID_SPEC` with the path of the key. */
export function parseSharedFsOptions(volume: Volume): SharedFsOptions {
  const parsed = sharedFsOptionsSchema.safeParse(volume.options);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const key = ["options", ...(issue?.path ?? [])].map(String).join(".");
  throw new HoldfastError(
    "INVALID_SPEC",
    `The shared-fs volume ${volume.role} is misconfigured at ${key}: ${issue?.message}.`,
    {
      hint: "See the options table of @holdfast/storage-shared-fs.",
      detail: { path: key },
    },
  );
}

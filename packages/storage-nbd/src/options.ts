import { agentIdSchema, controlTargetSchema, HoldfastError, type Volume } from "@holdfast/core";
import * as z from "zod";
import { serverKindSchema, volumeNameSchema } from "./answer.js";

export const clientKindSchema = z.enum(["kernel", "nbdfuse", "qemu"]);
export type ClientKind = z.output<typeof clientKindSchema>;

const addressSchema = z.union([z.ipv4(), z.ipv6()]);

/** Mount options with which an acknowledged write may be lost, or a damaged file system goes on being written. */
const UNSAFE_MOUNT_OPTION =
  /^(nobarrier|barrier=0|data=writeback|noload|norecovery|errors=continue|journal_async_commit|ro|remount|noauto_da_alloc|loop(=.*)?|offset=.*)$/;

const mountOptionSchema = z
  .string()
  .regex(/^[a-z0-9_]+(=[A-Za-z0-9_./:-]+)?$/, "one mount option, without commas")
  .refine((option) => !UNSAFE_MOUNT_OPTION.test(option), {
    error: "is not allowed: it weakens what a flushed write means, or is set by the strategy itself",
  });

export const nbdOptionsSchema = z.strictObject({
  volume: volumeNameSchema.describe("The volume's name in the configuration of `holdfast-nbd-server`."),
  server: z.strictObject({
    kind: serverKindSchema,
    address: addressSchema.describe("As agents reach it. Not a name: a cut must not wait for a resolver."),
    port: z.int().min(1).max(65_535).describe("Of this volume alone."),
  }),
  control: controlTargetSchema.describe("How `holdfast-nbd-server --config FILE` is run on the server."),
  fsType: z.enum(["ext4", "xfs"]),
  agents: z
    .record(agentIdSchema, z.string().min(1))
    .default({})
    .describe("Agent → the address it connects from. Default: its id is that address or a host name."),
  client: z
    .enum(["auto", ...clientKindSchema.options])
    .default("auto")
    .describe("`auto`: the kernel's driver with nbd-client where both are there, nbdfuse where not."),
  reconnectMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(10_000)
    .describe("Clients `qemu` and `kernel`: how long a request waits for a server that is away before it fails."),
  mountOptions: z
    .array(mountOptionSchema)
    .default([])
    .describe("Added to noatime and, on ext4, errors=remount-ro, on xfs nouuid."),
  check: z
    .enum(["quick", "full"])
    .default("quick")
    .describe("`full` reads all metadata each time, also of a file system that says it is clean."),
  connectTimeoutMs: z.int().min(500).max(120_000).default(10_000),
  checkTimeoutMs: z.int().min(1_000).default(600_000),
  repairTimeoutMs: z.int().min(1_000).default(3_600_000),
});
export type NbdOptions = z.output<typeof nbdOptionsSchema>;

/** @throws `INVALID_SPEC` with the path of the key. */
export function parseNbdOptions(volume: Volume): NbdOptions {
  const parsed = nbdOptionsSchema.safeParse(volume.options);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const key = ["options", ...(issue?.path ?? [])].join(".");
  throw new HoldfastError(
    "INVALID_SPEC",
    `The nbd volume ${volume.role} is misconfigured at ${key}: ${issue?.message}.`,
    {
      hint: "See the options table of @holdfast/storage-nbd.",
      detail: { path: key, issues: parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) },
    },
  );
}

export function addressOf(options: NbdOptions, agent: string): string {
  return options.agents[agent] ?? agent;
}

import * as z from "zod";

/** Names of volumes at a server: part of export names, file names and command lines. */
export const volumeNameSchema = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "1 to 63 lower-case letters, digits or inner dashes");

export const serverKindSchema = z.enum(["nbdkit", "nbd-server", "qemu-nbd"]);

const epochTextSchema = z.string().regex(/^(0|[1-9][0-9]{0,38})$/);

export const attachmentSchema = z.looseObject({
  agent: z.string(),
  /** From where it may connect, when the server can tell. */
  address: z.string(),
  epoch: epochTextSchema,
  /** The only name that is exported; it carries the epoch, so that an older client cannot ask for it. */
  export: z.string(),
});
export type Attachment = z.output<typeof attachmentSchema>;

const processSchema = z.looseObject({ pid: z.int(), command: z.string() });
export type SeenServerProcess = z.output<typeof processSchema>;

/** What the server knows of one volume: its own state, and what the kernel says of processes, sockets and the image. */
export const serverStatusSchema = z.looseObject({
  volume: volumeNameSchema,
  server: z.looseObject({ kind: serverKindSchema, version: z.string() }),
  image: z.looseObject({ path: z.string(), sizeBytes: z.number().nullable() }),
  listen: z.string(),
  port: z.int(),
  /** The highest epoch that attached or fenced. */
  epoch: epochTextSchema,
  attached: attachmentSchema.nullable(),
  /** Whether a process of this volume listens. */
  serving: z.boolean(),
  /** Whether the server itself refuses other addresses; the name of the export is refused in any case. */
  filtersAddresses: z.boolean(),
  fenced: z.array(z.looseObject({ agent: z.string(), epoch: epochTextSchema, byEpoch: epochTextSchema })),
  processes: z.array(processSchema),
  /** Connections to the volume's port, from the kernel's table. */
  sessions: z.array(z.looseObject({ peer: z.string(), state: z.string() })),
  /** Other processes that have the image open, and loop devices on it. */
  otherUsers: z.array(z.string()),
});
export type ServerStatus = z.output<typeof serverStatusSchema>;

/** The one line that `holdfast-nbd-server` prints. */
export const serverAnswerSchema = z.discriminatedUnion("ok", [
  z.looseObject({ ok: z.literal(true), status: serverStatusSchema }),
  z.looseObject({
    ok: z.literal(false),
    error: z.looseObject({
      code: z.string(),
      message: z.string(),
      hint: z.string(),
      retryable: z.boolean(),
      detail: z.record(z.string(), z.unknown()),
    }),
  }),
]);
export type ServerAnswer = z.output<typeof serverAnswerSchema>;

/** Exit code of an answer that is a refusal; 0 is success, anything else no answer at all. */
export const REFUSED_EXIT_CODE = 3;

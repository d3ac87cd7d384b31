import { z } from "zod";

const secret = z.union([z.strictObject({ file: z.string().min(1) }), z.strictObject({ env: z.string().min(1) })]);

/** How Marathon is reached. For configuration files; `createMarathonClient` takes its output. */
export const marathonConfigSchema = z.strictObject({
  endpoints: z
    .array(z.string())
    .min(1)
    .describe(
      "Base URLs of all instances. A redirect to the leader is followed to these only when there are credentials.",
    ),
  credentials: z
    .discriminatedUnion("type", [
      z.strictObject({ type: z.literal("basic"), secret }),
      z.strictObject({ type: z.literal("token"), secret, style: z.enum(["dcos", "bearer"]) }),
    ])
    .optional()
    .describe("Where the credentials are: a file with `user:password`, or with a token alone. Read for each request."),
  tls: z
    .strictObject({
      caFile: z.string().optional().describe("Trusted authorities, PEM; they replace those of the system."),
      certFile: z.string().optional(),
      keyFile: z.string().optional(),
    })
    .optional(),
  timeoutMs: z.int().min(100).default(15_000).describe("For one call, over all instances."),
});
export type MarathonConfig = z.input<typeof marathonConfigSchema>;

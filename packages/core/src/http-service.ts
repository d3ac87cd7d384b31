import * as z from "zod";
import { HoldfastError } from "./errors.js";

export const secretReferenceSchema = z.union([
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
]);

/** How a service with an HTTP API is reached: Marathon, Mesos. */
export const httpServiceSchema = z.strictObject({
  endpoints: z
    .array(z.string())
    .min(1)
    .describe(
      "Base URLs of all instances, as they name themselves: with credentials, a redirect to the leader is followed to " +
        "these only.",
    ),
  credentials: z
    .discriminatedUnion("type", [
      z.strictObject({ type: z.literal("basic"), secret: secretReferenceSchema }),
      z.strictObject({ type: z.literal("token"), secret: secretReferenceSchema, style: z.enum(["dcos", "bearer"]) }),
    ])
    .optional()
    .describe("Where the credentials are: a file with `user:password`, or with a token alone. Read for each request."),
  tls: z
    .strictObject({
      caFile: z.string().optional().describe("Trusted authorities, PEM; they replace those of the system."),
      certFile: z.string().optional().describe("Own certificate, where the server asks for one."),
      keyFile: z.string().optional(),
    })
    .optional()
    .describe("Files are read for each connection."),
  timeoutMs: z
    .int()
    .min(100)
    .default(15_000)
    .describe("For one call, over all instances. A standby of Marathon waits 10 s for its leader."),
});
export type HttpServiceConfig = z.input<typeof httpServiceSchema>;
export type HttpServiceSettings = z.output<typeof httpServiceSchema>;

/** @throws `INVALID_SPEC`: the configuration cannot work. */
export function parseHttpService(config: HttpServiceConfig, service: string): HttpServiceSettings {
  const parsed = httpServiceSchema.safeParse(config);
  if (parsed.success) return parsed.data;
  throw new HoldfastError("INVALID_SPEC", `${service} is not configured right: ${firstIssues(parsed.error)}.`, {
    hint: "Correct the fields named.",
  });
}

/** The first complaints in one line: where and of what kind, never the value, which may be a secret. */
export function firstIssues(error: z.ZodError): string {
  const shown = error.issues.slice(0, 3).map(({ path, message }) => `${path.join(".") || "the whole"}: ${message}`);
  const more = error.issues.length - shown.length;
  return more > 0 ? `${shown.join("; ")}; and ${more} more` : shown.join("; ");
}

import { type AttachContext, epochSchema, type Grant, HoldfastError } from "@holdfast/core";
import * as z from "zod";
import type { ServerStatus } from "./answer.js";

const contextSchema = z.looseObject({
  v: z.literal(1),
  export: z.string().min(1),
  epoch: epochSchema,
  /** Of the image, at the server. */
  image: z.string(),
  server: z.string(),
});
export type NbdContext = z.output<typeof contextSchema>;

export function contextOf(status: ServerStatus): AttachContext {
  return {
    v: 1,
    export: status.attached?.export,
    epoch: status.attached?.epoch,
    image: status.image.path,
    server: `${status.server.kind} ${status.server.version}`,
  };
}

/** @throws `INVALID_SPEC`; `STALE_EPOCH` when the grant is not the one it was attached under. */
export function parseContext(context: AttachContext, grant?: Grant): NbdContext {
  const parsed = contextSchema.safeParse(context);
  if (!parsed.success) {
    throw new HoldfastError("INVALID_SPEC", "The attach context is not one of this strategy.", {
      hint: "Attach again; the context comes from attach.",
      detail: { issues: parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) },
    });
  }
  if (grant === undefined || grant.epoch === parsed.data.epoch) return parsed.data;
  throw new HoldfastError(
    "STALE_EPOCH",
    `The volume was attached under epoch ${parsed.data.epoch}, and this grant has ${grant.epoch}.`,
    { hint: "Attach again under the grant that is used.", detail: { attached: String(parsed.data.epoch) } },
  );
}

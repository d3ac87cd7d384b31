import * as z from "zod";
import { agentIdSchema, epochSchema, serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

/**
 * An operator's request that the holder of one epoch stops cleanly and releases; at `services/<name>/handover`. Void for
 * every other epoch, so that it needs no clean-up and never stops a successor.
 */
export const handoverRecordSchema = z.looseObject({
  v: z.literal(1),
  service: serviceNameSchema,
  /** Of the holder that is asked. */
  epoch: epochSchema,
  /** `switchover`: planned. `failover`: the holder is believed ill; it is fenced when it does not release. */
  kind: z.enum(["switchover", "failover"]),
  /** Where it should run next; null = wherever it can. A wish: the lease decides. */
  to: agentIdSchema.nullable(),
  by: z.string().max(200),
  at: z.iso.datetime(),
  reason: z.string().max(300),
});
export type HandoverRecord = z.output<typeof handoverRecordSchema>;
export const handoverRecordFormat = recordFormat("handover", 1, handoverRecordSchema);

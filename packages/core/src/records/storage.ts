import * as z from "zod";
import { agentIdSchema, epochSchema, runIdSchema, serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";
import { dataLossReceiptSchema } from "./request.js";

/**
 * What is known of one volume of a service beyond the machines that carry it; at `services/<name>/storage/<role>`.
 * Decides where a pinned volume may run, and that a restore happens at most once.
 */
export const storageRecordSchema = z.looseObject({
  v: z.literal(1),
  service: serviceNameSchema,
  role: z.string(),
  strategy: z.string(),
  /** The agent that has the data; chosen once. Null for storage that every agent reaches. */
  pin: z.looseObject({ agent: agentIdSchema, at: z.iso.datetime(), why: z.string().max(300) }).nullable(),
  /** Set by the first run that verified it: from then on an empty directory is a loss and never a beginning. */
  initialised: z
    .looseObject({ volumeId: z.string(), epoch: epochSchema, agent: agentIdSchema, at: z.iso.datetime() })
    .nullable(),
  /**
   * A restore at process start. `in-progress` survives a crash, so that a half-restored data set is never taken for a
   * whole one; `done` is what makes it happen at most once per loss.
   */
  restore: z
    .looseObject({
      state: z.enum(["in-progress", "done", "failed"]),
      from: z.string(),
      epoch: epochSchema,
      run: runIdSchema,
      agent: agentIdSchema,
      at: z.iso.datetime(),
    })
    .nullable(),
  /** The newest last; what failovers may have lost, said before the application started. */
  lossReceipts: z.array(dataLossReceiptSchema).max(20),
});
export type StorageRecord = z.output<typeof storageRecordSchema>;
export const storageRecordFormat = recordFormat("storage", 1, storageRecordSchema);

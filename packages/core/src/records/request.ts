import * as z from "zod";
import { agentIdSchema, epochSchema, runIdSchema, serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

/** Proof that a former holder was cut off: the server's own answer after the fact. */
export const fenceReceiptSchema = z.looseObject({
  /** The epoch that was fenced; valid for it and everything older. */
  fencedEpoch: epochSchema,
  agent: agentIdSchema,
  byEpoch: epochSchema,
  strategy: z.string(),
  /** The volume at which it was fenced; absent when the word holds for all of them. */
  role: z.string().optional(),
  at: z.iso.datetime(),
  /** What the server said afterwards: session list, export table. */
  evidence: z.string().max(4_000),
});
export type FenceReceipt = z.output<typeof fenceReceiptSchema>;

/** What a failover may have lost, said before the application starts (invariant I6). */
export const dataLossReceiptSchema = z.looseObject({
  epoch: epochSchema,
  reason: z.string(),
  /** Upper bound of the lost time, when one is known. */
  lossMsMax: z.int().nullable(),
  from: z.string().describe("The copy or replica it was started from."),
  at: z.iso.datetime(),
});
export type DataLossReceipt = z.output<typeof dataLossReceiptSchema>;

const verbSchema = z.enum(["fence", "unfence", "attach", "detach"]);

const formerHolderSchema = z.looseObject({
  agent: agentIdSchema,
  epoch: epochSchema,
  bootId: z.string().nullable(),
  machineId: z.string().nullable().optional(),
});

/**
 * What a run that won epoch e asks of a process with credentials (the elected controller, or itself with
 * `controllerSide: inline`), and the answers. Requests of older epochs are void; receipts are not, and are carried on.
 */
export const requestRecordSchema = z.looseObject({
  v: z.literal(1),
  service: serviceNameSchema,
  epoch: epochSchema,
  run: runIdSchema,
  agent: agentIdSchema,
  /**
   * `asked`: nobody has begun. `serving`: the journal says how far it is. `ready`: every volume has its context.
   * `failed`: `failure` says why; the run gives up or asks again.
   */
  state: z.enum(["asked", "serving", "ready", "failed"]),
  /** Runs that ended without releasing and may still write. */
  former: z.array(formerHolderSchema),
  /** Journal: each step is written as `started` before it is done and as `done` or `failed` after. */
  steps: z.array(
    z.looseObject({
      verb: verbSchema,
      role: z.string(),
      agent: agentIdSchema,
      state: z.enum(["started", "done", "failed"]),
      by: z.string(),
      at: z.iso.datetime(),
      tookMs: z.number().optional(),
      code: z.string().optional(),
      message: z.string().max(500).optional(),
    }),
  ),
  /** Why it failed, for the run that asked. */
  failure: z.looseObject({ code: z.string(), message: z.string().max(500), hint: z.string().max(500) }).optional(),
  /** Serialised attach contexts by role, from the controller half to the node half of each strategy. */
  contexts: z.record(z.string(), z.record(z.string(), z.json())),
  receipts: z.array(fenceReceiptSchema),
});
export type RequestRecord = z.output<typeof requestRecordSchema>;
export const requestRecordFormat = recordFormat("request", 1, requestRecordSchema);

/** Quarantine of a pair (service, agent): blocks only that agent's next run until clean-up was observed. */
export const quarantineRecordSchema = z.looseObject({
  v: z.literal(1),
  service: serviceNameSchema,
  agent: agentIdSchema,
  bootId: z.string(),
  epoch: epochSchema,
  reason: z.string().max(500),
  since: z.iso.datetime(),
});
export type QuarantineRecord = z.output<typeof quarantineRecordSchema>;
export const quarantineRecordFormat = recordFormat("quarantine", 1, quarantineRecordSchema);

import * as z from "zod";
import { agentIdSchema, epochSchema, serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

/** Operations that ended, kept per service; fewer where their messages are long. */
export const PAST_OPERATIONS_MAX = 20;
export const PAST_BYTES_MAX = 16 * 1024;

export const operationKindSchema = z.enum(["reconcile", "destroy", "switchover", "failover"]);
export type OperationKind = z.output<typeof operationKindSchema>;

/**
 * `apply`, `stop`: asked of the orchestrator. `await-release`: until the lease shows that nothing of the run is left.
 * `tombstone`: the lease can be nobody's again. `ask`, `withdraw`: the wish for a handover. `fence`, `await-grant`,
 * `await-start`: as their names say.
 */
export const operationVerbSchema = z.enum([
  "apply",
  "stop",
  "await-release",
  "tombstone",
  "ask",
  "withdraw",
  "fence",
  "await-grant",
  "await-start",
]);
export type OperationVerb = z.output<typeof operationVerbSchema>;

const failureSchema = z.looseObject({ code: z.string(), message: z.string().max(300), hint: z.string().max(300) });

/** Journal: a step is written as `started` before it is done and as `done` or `failed` after. */
const operationStepSchema = z.looseObject({
  verb: operationVerbSchema,
  state: z.enum(["planned", "started", "done", "failed"]),
  at: z.iso.datetime(),
  tookMs: z.number().optional(),
  /** What was seen, or why it failed. */
  note: z.string().max(300).optional(),
});
export type OperationStep = z.output<typeof operationStepSchema>;

export const operationSchema = z.looseObject({
  id: z.string().min(8).max(64),
  kind: operationKindSchema,
  by: z.string().max(200),
  reason: z.string().max(300),
  at: z.iso.datetime(),
  /** Nobody asked for it: the world differed from what was applied. What the anti-flap window counts. */
  automatic: z.boolean(),
  /** Of the catalogue record it is about. */
  generation: z.int(),
  /** Of the definition it applies; null where it applies none. */
  digest: z.string().max(64).nullable(),
  /** The handover that is asked for. */
  handover: z
    .looseObject({
      to: agentIdSchema.nullable(),
      /** Fence at once. */
      now: z.boolean(),
      /** The holder it is asked of. */
      from: z.looseObject({
        epoch: epochSchema,
        agent: agentIdSchema,
        bootId: z.string(),
        machineId: z.string(),
        leaseMs: z.int(),
      }),
    })
    .nullable(),
  state: z.enum(["asked", "doing", "done", "failed"]),
  steps: z.array(operationStepSchema).max(12),
  endedAt: z.iso.datetime().optional(),
  failure: failureSchema.optional(),
});
export type Operation = z.output<typeof operationSchema>;

/** An operation that ended, without its journal. */
const pastOperationSchema = z.looseObject({
  id: z.string(),
  kind: operationKindSchema,
  by: z.string().max(200),
  reason: z.string().max(300),
  at: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  automatic: z.boolean(),
  generation: z.int(),
  state: z.enum(["done", "failed"]),
  failure: failureSchema.optional(),
  /** What came of it. */
  note: z.string().max(300).optional(),
});
export type PastOperation = z.output<typeof pastOperationSchema>;

/**
 * What the controller decided about one service, and how far it is; at `services/<name>/decisions`. One record, so that
 * what is under way and what the next decision rests on change together.
 */
export const decisionsRecordSchema = z.looseObject({
  v: z.literal(1),
  service: serviceNameSchema,
  /** Highest epoch of the controller's own lease that wrote here; a leader of an older one is refused. */
  leader: epochSchema,
  current: operationSchema.nullable(),
  /** The last definition that was applied. */
  applied: z.looseObject({ generation: z.int(), digest: z.string().max(64), at: z.iso.datetime() }).nullable(),
  /** Oldest first. */
  past: z.array(pastOperationSchema).max(PAST_OPERATIONS_MAX),
  /** An operator looked: what failed or flapped before does not count any more. */
  acknowledged: z.looseObject({ by: z.string().max(200), at: z.iso.datetime(), note: z.string().max(300) }).nullable(),
});
export type DecisionsRecord = z.output<typeof decisionsRecordSchema>;
export const decisionsRecordFormat = recordFormat("decisions", 1, decisionsRecordSchema);

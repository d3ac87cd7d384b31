import * as z from "zod";
import { agentIdSchema, epochSchema, runIdSchema, serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

/**
 * Names one *write attempt* on the record, takeovers and releases included. Used once only: the nonce belongs
 * to one lock process, so a restarted one can never repeat a number of its predecessor (lease rule 1).
 */
export const attemptSchema = z.looseObject({ nonce: z.string().min(8).max(64), n: z.int().min(0) });
export type Attempt = z.output<typeof attemptSchema>;

export function sameAttempt(a: Attempt, b: Attempt): boolean {
  return a.nonce === b.nonce && a.n === b.n;
}

/**
 * - `vacant`: created, held by nobody. Grants nothing; a candidate waits the record's lease as for a holder.
 * - `held`: one run has the grant.
 * - `released`: nothing of the run is left and its volume is cut. Successors need not wait.
 * - `yield`: the run gave up, but something of it may still write. A successor needs a fence receipt for this epoch.
 * - `destroyed`: tombstone. The service was removed; the record stays so that epochs never restart.
 */
export const leaseStateSchema = z.discriminatedUnion("kind", [
  z.looseObject({ kind: z.literal("vacant") }),
  z.looseObject({ kind: z.literal("held") }),
  z.looseObject({ kind: z.literal("released") }),
  z.looseObject({ kind: z.literal("yield"), needsFence: z.string().describe("What was left, and where.") }),
  z.looseObject({ kind: z.literal("destroyed") }),
]);
export type LeaseState = z.output<typeof leaseStateSchema>;

export const leaseRecordSchema = z.looseObject({
  v: z.literal(1),
  service: serviceNameSchema,
  epoch: epochSchema,
  run: runIdSchema,
  attempt: attemptSchema,
  agent: agentIdSchema,
  /** Machine id and boot id: a name of an agent is not a kernel. */
  machineId: z.string(),
  bootId: z.string(),
  leaseMs: z.int().min(1),
  state: leaseStateSchema,
  /**
   * A former run that left something behind which may still write. Carried from holder to holder until a fence
   * receipt covers its epoch, so that a crash in between cannot make anybody forget it.
   */
  pendingFence: z
    .looseObject({ epoch: epochSchema, agent: agentIdSchema, what: z.string().max(300) })
    .nullable()
    .default(null),
  /** For people only; wall time decides nothing. */
  since: z.iso.datetime(),
  /** Where the holder's own host says it is, for messages: host name, process id, task id. */
  holder: z.looseObject({ host: z.string(), pid: z.int(), task: z.string().optional() }),
});
/** One per service, at `services/<name>/lease`; every change is a version-checked write (lease rule 1). */
export type LeaseRecord = z.output<typeof leaseRecordSchema>;

export const leaseRecordFormat = recordFormat("lease", 1, leaseRecordSchema);

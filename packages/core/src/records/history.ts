import * as z from "zod";
import { agentIdSchema, epochSchema, runIdSchema, serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

/** The last entries kept per service. */
export const HISTORY_ENTRIES_MAX = 50;

export const historyEntrySchema = z.looseObject({
  at: z.iso.datetime().describe("Wall time, for people."),
  kind: z.enum([
    "created",
    "taken",
    "started",
    "stopped",
    "lost",
    "yielded",
    "recovered",
    "claim-broken",
    "unquarantined",
    "destroyed",
  ]),
  epoch: epochSchema,
  run: runIdSchema,
  agent: agentIdSchema,
  leaseMs: z.int().optional(),
  /** Why, in one line: exit code, signal, "lease not renewed", an operator's reason. */
  note: z.string().max(200).optional(),
});
export type HistoryEntry = z.output<typeof historyEntrySchema>;

export const historyRecordSchema = z.looseObject({
  v: z.literal(1),
  service: serviceNameSchema,
  /** Highest epoch ever seen; survives the bounded list. */
  epoch: epochSchema,
  /** Largest lease ever granted: what a candidate waits when the record itself is gone. */
  leaseMsMax: z.int(),
  entries: z.array(historyEntrySchema).max(HISTORY_ENTRIES_MAX),
});
export type HistoryRecord = z.output<typeof historyRecordSchema>;
export const historyRecordFormat = recordFormat("history", 1, historyRecordSchema);

/** Pure: appends, keeps the newest {@link HISTORY_ENTRIES_MAX}, never lowers the epoch or the longest lease. */
export function appendHistory(history: HistoryRecord | undefined, service: string, entry: HistoryEntry): HistoryRecord {
  const before = history ?? { v: 1 as const, service, epoch: 0n, leaseMsMax: 0, entries: [] };
  return {
    ...before,
    epoch: entry.epoch > before.epoch ? entry.epoch : before.epoch,
    leaseMsMax: Math.max(before.leaseMsMax, entry.leaseMs ?? 0),
    entries: [...before.entries, entry].slice(-HISTORY_ENTRIES_MAX),
  };
}

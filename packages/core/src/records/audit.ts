import * as z from "zod";
import { serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

/** The newest entries kept in the store; each is a line in the controller's log as well, for keeping. */
export const AUDIT_ENTRIES_MAX = 60;

export const auditEntrySchema = z.looseObject({
  id: z.string().min(8).max(64),
  at: z.iso.datetime(),
  who: z.string().max(200),
  role: z.string().max(20),
  action: z.string().max(40),
  service: serviceNameSchema.nullable(),
  /** Arguments in one line; never a secret. */
  detail: z.string().max(200),
  /** `asked` is written before anything is changed; an entry that stays so was cut short. Else `done` or an error code. */
  outcome: z.string().max(40),
});
export type AuditEntry = z.output<typeof auditEntrySchema>;

export const auditRecordSchema = z.looseObject({
  v: z.literal(1),
  entries: z.array(auditEntrySchema).max(AUDIT_ENTRIES_MAX),
});
export type AuditRecord = z.output<typeof auditRecordSchema>;
export const auditRecordFormat = recordFormat("audit", 1, auditRecordSchema);

/** Pure: the entry replaces an earlier state of itself; the newest {@link AUDIT_ENTRIES_MAX} are kept. */
export function recordAudit(record: AuditRecord | undefined, entry: AuditEntry): AuditRecord {
  const before = record ?? { v: 1 as const, entries: [] };
  const known = before.entries.some(({ id }) => id === entry.id);
  const entries = known
    ? before.entries.map((old) => (old.id === entry.id ? entry : old))
    : [...before.entries, entry].slice(-AUDIT_ENTRIES_MAX);
  return { ...before, entries };
}

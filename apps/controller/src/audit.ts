import { randomUUID } from "node:crypto";
import { updateRecord } from "@holdfast/coordination";
import {
  type AuditEntry,
  type AuditRecord,
  auditRecordFormat,
  errorCode,
  recordAudit,
  storePaths,
} from "@holdfast/core";
import type { Caller } from "./auth/tokens.js";
import { CALL_MS, type ControllerContext } from "./context.js";

/** Of a mutation whose request ended meanwhile, the outcome is written all the same. */
const OUTCOME_MS = 10_000;

export interface AuditedAction {
  readonly caller: Caller;
  readonly action: string;
  readonly service: string | null;
  /** In one line; never a secret. */
  readonly detail: string;
}

/** Writes down that somebody is about to change something, does it, and writes how that ended. No record, no change. */
export async function audited<T>(
  context: ControllerContext,
  { caller, action, service, detail }: AuditedAction,
  signal: AbortSignal,
  change: () => Promise<T>,
): Promise<T> {
  const entry: AuditEntry = {
    ...{ id: randomUUID(), at: context.clock.wallTime(), who: caller.name, role: caller.role, action, service },
    ...{ detail: detail.slice(0, 200), outcome: "asked" },
  };
  await write(context, entry, signal);
  let outcome = "done";
  try {
    return await change();
  } catch (error) {
    outcome = (errorCode(error) ?? "INTERNAL").slice(0, 40);
    throw error;
  } finally {
    const ended = { ...entry, outcome };
    await write(context, ended, AbortSignal.timeout(OUTCOME_MS)).catch((error: unknown) => {
      // `asked` stands in the record then, which says that the outcome is not known; what was done stays done.
      context.logger.log("error", "an audit entry was left without its outcome", {
        id: entry.id,
        error: String(error),
      });
    });
  }
}

async function write(context: ControllerContext, entry: AuditEntry, signal: AbortSignal): Promise<void> {
  context.logger.log("info", "audit", entry);
  const decide = (before: AuditRecord | undefined) => recordAudit(before, entry);
  await updateRecord(context, storePaths.controller.audit, auditRecordFormat, decide, signal);
}

/** Newest first. */
export async function readAudit({ store }: ControllerContext, signal: AbortSignal): Promise<readonly AuditEntry[]> {
  const entry = await store.get(storePaths.controller.audit, { timeoutMs: CALL_MS, signal });
  return entry === undefined ? [] : [...auditRecordFormat.parse(entry.data).entries].reverse();
}

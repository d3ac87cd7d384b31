import { errorCode, hasCode, type Op } from "@holdfast/core";
import { type MarathonClient, tasksStillThere } from "@holdfast/marathon";

/**
 * One line of the caller's journal. `started` is written before anything is sent, the others after; one that has `started`
 * and nothing else was cut off, and is begun anew: a task that is gone is passed over.
 */
export interface ReplacementEntry {
  readonly state: "started" | "done" | "failed";
  readonly service: string;
  readonly appId: string;
  readonly tasks: readonly string[];
  /** Why it may be done: what the store and the receipts said. */
  readonly evidence: string;
  /** Stable code of the error, when it failed. */
  readonly code?: string;
}

export type Journal = (entry: ReplacementEntry) => Promise<void>;

export interface WipeOptions {
  readonly tasks: Pick<MarathonClient["tasks"], "kill" | "list">;
  readonly journal: Journal;
  /** How long after a lost answer the tasks are looked for, milliseconds. */
  readonly settleMs: number;
  readonly pollMs: number;
}

/**
 * Has Marathon forget the tasks and start anew, between two lines of the journal. Idempotent: ids that Marathon does not
 * know any more are passed over.
 * @throws whatever the journal throws before anything was sent; `UNKNOWN_OUTCOME`: the answer was lost and the tasks are
 *   still listed; call again. Others as for a change.
 */
export async function wipe(
  op: Op,
  entry: Omit<ReplacementEntry, "state" | "code">,
  { tasks, journal, settleMs, pollMs }: WipeOptions,
): Promise<void> {
  await journal({ ...entry, state: "started" });
  try {
    await tasks.kill(entry.tasks, { wipe: true, signal: op.signal });
  } catch (error) {
    const settled = hasCode(error, "UNKNOWN_OUTCOME") && !op.signal.aborted;
    if (!settled || !(await areGone(op, entry, { tasks, settleMs, pollMs }))) {
      await journal({ ...entry, state: "failed", code: errorCode(error) ?? "INTERNAL" });
      throw error;
    }
  }
  await journal({ ...entry, state: "done" });
}

async function areGone(
  op: Op,
  { appId, tasks: ids }: Pick<ReplacementEntry, "appId" | "tasks">,
  { tasks, settleMs, pollMs }: Pick<WipeOptions, "tasks" | "settleMs" | "pollMs">,
): Promise<boolean> {
  const endsAtMs = op.clock.now().monoMs + settleMs;
  for (;;) {
    const listed = await listOrNull(op, appId, tasks);
    if (listed !== null && tasksStillThere(ids, listed).length === 0) return true;
    if (op.clock.now().monoMs >= endsAtMs) return false;
    await op.clock.sleep(pollMs, op.signal);
  }
}

/** Null while the trouble that took the answer goes on. */
async function listOrNull(op: Op, app: string, tasks: Pick<MarathonClient["tasks"], "list">) {
  try {
    return await tasks.list({ app, signal: op.signal });
  } catch (error) {
    if (hasCode(error, "API_UNREACHABLE", "BUSY")) return null;
    throw error;
  }
}

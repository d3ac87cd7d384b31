import { HoldfastError, hasCode, type Op } from "@holdfast/core";
import { type AppWrite, type MarathonClient, type SettleOptions, settleApp, type Verdict } from "@holdfast/marathon";

/**
 * Makes a change, and where its answer is lost finds out what became of it. Resolves when it was applied.
 * @throws `VERSION_CONFLICT` {fields}: somebody else changed the app at the same time; look again and decide anew.
 *   `UNKNOWN_OUTCOME`, retryable: as far as can be seen it was not applied; repeating it is safe.
 */
export async function settledWrite(
  op: Op,
  apps: Pick<MarathonClient["apps"], "find">,
  id: string,
  change: { readonly write: AppWrite; send(): Promise<unknown> },
  settle: Omit<SettleOptions, "signal"> = {},
): Promise<void> {
  try {
    await change.send();
    return;
  } catch (error) {
    if (!hasCode(error, "UNKNOWN_OUTCOME")) throw error;
    op.signal.throwIfAborted();
    op.logger.log("warn", "the answer to a change was lost; reading what became of it", { app: id });
    const verdict = await settleApp(apps, id, change.write, { ...settle, signal: op.signal });
    if (verdict.kind !== "applied") throw notApplied(id, verdict, error);
  }
}

function notApplied(id: string, verdict: Exclude<Verdict, { kind: "applied" }>, cause: unknown): HoldfastError {
  if (verdict.kind === "overtaken") return overtaken(id, verdict.differences, cause);
  return new HoldfastError("UNKNOWN_OUTCOME", `The change of ${id} was not applied, as far as can be seen.`, {
    hint: "Give the command again: repeated, it does no harm.",
    retryable: true,
    cause,
  });
}

export function overtaken(id: string, fields: readonly string[], cause?: unknown): HoldfastError {
  const where = fields.length === 0 ? "" : ` (${fields.slice(0, 5).join(", ")})`;
  return new HoldfastError("VERSION_CONFLICT", `${id} is not what was sent${where}: somebody else changes it.`, {
    hint: "Find who else writes to this app; then look at the plan and apply again.",
    retryable: true,
    detail: { appId: id, fields },
    cause,
  });
}

import {
  type AgentId,
  decideQuarantine,
  type Epoch,
  type FormerHolder,
  HoldfastError,
  mayWriteClean,
  type QuarantineFacts,
  type QuarantineRecord,
  quarantineRecordFormat,
  storePaths,
} from "@holdfast/core";
import { CALL_MS, type RecordContext, whileAway } from "../request/context.js";
import { removeRecord, updateRecord } from "../request/record-update.js";

const REASON_LENGTH_MAX = 500;

/** Undefined = nothing stands between the service and that agent. */
export async function readQuarantine(
  context: RecordContext,
  service: string,
  agent: AgentId,
  signal: AbortSignal,
): Promise<QuarantineRecord | undefined> {
  const path = storePaths.quarantine(service, agent);
  const entry = await whileAway(context, signal, () => context.store.get(path, { timeoutMs: CALL_MS, signal }));
  return entry === undefined ? undefined : quarantineRecordFormat.parse(entry.data);
}

/** Every agent that the service is kept out of. */
export async function listQuarantines(
  context: RecordContext,
  service: string,
  signal: AbortSignal,
): Promise<readonly QuarantineRecord[]> {
  const names = await context.store.list(storePaths.quarantines(service), { timeoutMs: CALL_MS, signal });
  const found = await Promise.all(
    names.map((name) => readQuarantine(context, service, decodeURIComponent(name), signal)),
  );
  return found.filter((record) => record !== undefined);
}

/** Written before an agent is fenced. The newest epoch stands; the same again changes nothing. */
export async function quarantineAgent(
  context: RecordContext,
  service: string,
  former: FormerHolder,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const { agent, epoch } = former;
  const decide = (before: QuarantineRecord | undefined): QuarantineRecord | undefined =>
    before !== undefined && before.epoch >= epoch
      ? undefined
      : {
          ...{ v: 1 as const, service, agent, epoch, bootId: former.bootId ?? "" },
          ...{ reason: reason.slice(0, REASON_LENGTH_MAX), since: context.clock.wallTime() },
        };
  await updateRecord(context, storePaths.quarantine(service, agent), quarantineRecordFormat, decide, signal);
}

/**
 * What a run does before it asks for storage on its agent: lifts a quarantine once clean-up was observed.
 * @param facts.cleaned - what this run did as its first step, or null.
 * @returns how it was lifted, or null when there was none. @throws `BUSY` while it stands; store errors.
 */
export async function settleQuarantine(
  context: RecordContext,
  service: string,
  agent: AgentId,
  facts: QuarantineFacts,
  signal: AbortSignal,
): Promise<string | null> {
  let how: string | null = null;
  const decide = (record: QuarantineRecord): boolean => {
    const decision = decideQuarantine(record, facts);
    switch (decision.kind) {
      case "free":
        return false;
      case "clear":
        how = decision.how;
        return true;
      case "blocked":
        throw new HoldfastError("BUSY", `${service} cannot use ${agent} again yet: ${decision.why}.`, {
          hint: `A run there cleans up as its first step. Or look at that machine, then: holdfast lock unquarantine --service ${service} --agent ${agent} --confirm`,
          retryable: true,
          detail: { agent, epoch: record.epoch.toString(), since: record.since },
        });
      default:
        return decision satisfies never;
    }
  };
  await removeRecord(context, storePaths.quarantine(service, agent), quarantineRecordFormat, decide, signal);
  return how;
}

/** A run that was fenced and ended late says that nothing of it is left. Resolves to whether a quarantine was lifted. */
export async function writeClean(
  context: RecordContext,
  run: { readonly service: string; readonly agent: AgentId; readonly epoch: Epoch },
  signal: AbortSignal,
): Promise<boolean> {
  const path = storePaths.quarantine(run.service, run.agent);
  const removed = await removeRecord(
    context,
    path,
    quarantineRecordFormat,
    (record) => mayWriteClean(record, run),
    signal,
  );
  return removed !== undefined;
}

/** An operator's word that nothing of an earlier run is left on that agent. @throws `NOT_FOUND`. */
export async function confirmClean(
  context: RecordContext,
  service: string,
  agent: AgentId,
  signal: AbortSignal,
): Promise<QuarantineRecord> {
  const path = storePaths.quarantine(service, agent);
  const removed = await removeRecord(context, path, quarantineRecordFormat, () => true, signal);
  if (removed !== undefined) return removed;
  throw new HoldfastError("NOT_FOUND", `${agent} is not in quarantine for ${service}.`, {
    hint: "See `holdfast lock status`.",
  });
}

import { type AgentId, type HandoverRecord, HoldfastError, handoverRecordFormat, storePaths } from "@holdfast/core";
import { describeHolder } from "../lease/identity.js";
import { Wakeup } from "../lease/wakeup.js";
import { CALL_MS, type RecordContext, readServiceLease, whileAway } from "../request/context.js";
import { removeRecord, updateRecord } from "../request/record-update.js";

export interface HandoverWish {
  readonly service: string;
  /** Of the holder that is asked; refused when it is not the present one. */
  readonly epoch: bigint;
  readonly kind: HandoverRecord["kind"];
  readonly to: AgentId | null;
  /** Who asks, for history and messages. */
  readonly by: string;
  readonly reason: string;
}

/** The watch is heard at once; this is for one that was lost. Every holder polls, so it must stay rare. */
const POLL_MS = 5_000;

/**
 * Asks the holder of an epoch to stop and release. The same wish again changes nothing; another one for the same epoch
 * takes its place.
 * @throws `STALE_EPOCH` when that epoch does not hold the lease; store errors; the signal's reason.
 */
export async function askHandover(
  context: RecordContext,
  wish: HandoverWish,
  signal: AbortSignal,
): Promise<HandoverRecord> {
  await requireHeld(context, wish, signal);
  const { service, epoch, kind, to, by, reason } = wish;
  const decide = (before: HandoverRecord | undefined): HandoverRecord => {
    if (before !== undefined && before.epoch > epoch)
      throw over(wish, `a handover of epoch ${before.epoch} was asked for`);
    const same = before?.epoch === epoch && before.kind === kind && before.to === to && before.by === by;
    if (before !== undefined && same) return before;
    return { v: 1, service, epoch, kind, to, by, at: context.clock.wallTime(), reason: reason.slice(0, 300) };
  };
  const written = await updateRecord(context, storePaths.handover(service), handoverRecordFormat, decide, signal);
  if (written === undefined) throw new Error("the handover was neither written nor kept");
  return written;
}

/** What the holder of this epoch is asked for; undefined = nothing. A record of another epoch is void. */
export async function readHandover(
  context: RecordContext,
  service: string,
  epoch: bigint,
  signal: AbortSignal,
): Promise<HandoverRecord | undefined> {
  const path = storePaths.handover(service);
  const entry = await context.store.get(path, { timeoutMs: CALL_MS, signal });
  const record = entry === undefined ? undefined : handoverRecordFormat.parse(entry.data);
  return record?.epoch === epoch ? record : undefined;
}

/**
 * Resolves once the holder of this epoch is asked to hand over. A store that is away is asked again.
 * @throws the signal's reason; `RECORD_INVALID`, `DENIED`: nothing can be asked of this run, which is no reason to stop it.
 */
export async function awaitHandover(
  context: RecordContext,
  service: string,
  epoch: bigint,
  signal: AbortSignal,
): Promise<HandoverRecord> {
  const wakeup = new Wakeup();
  const ended = new AbortController();
  context.store.watch(storePaths.handover(service), wakeup.wake, AbortSignal.any([signal, ended.signal]));
  try {
    for (;;) {
      const record = await whileAway(context, signal, () => readHandover(context, service, epoch, signal));
      if (record !== undefined) return record;
      await wakeup.wait(context.clock, POLL_MS, signal);
    }
  } finally {
    ended.abort();
  }
}

/** Takes a wish back that was not followed; true when it was still there. One of another epoch or person stays. */
export async function withdrawHandover(
  context: RecordContext,
  wish: Pick<HandoverWish, "service" | "epoch" | "by">,
  signal: AbortSignal,
): Promise<boolean> {
  const removed = await removeRecord(
    context,
    storePaths.handover(wish.service),
    handoverRecordFormat,
    (record) => record.epoch === wish.epoch && record.by === wish.by,
    signal,
  );
  return removed !== undefined;
}

async function requireHeld(context: RecordContext, wish: HandoverWish, signal: AbortSignal): Promise<void> {
  const seen = await whileAway(context, signal, () => readServiceLease(context, wish.service, signal));
  if (seen === undefined) throw over(wish, "there is no lease record");
  const { record } = seen;
  if (record.epoch !== wish.epoch) throw over(wish, `${describeHolder(record)} has epoch ${record.epoch}`);
  if (record.state.kind !== "held") throw over(wish, `its lease is ${record.state.kind}`);
}

function over({ service, epoch }: HandoverWish, why: string): HoldfastError {
  return new HoldfastError("STALE_EPOCH", `Epoch ${epoch} of ${service} cannot be handed over: ${why}.`, {
    hint: "See `holdfast lock status`; nothing was changed.",
  });
}

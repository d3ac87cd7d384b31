import {
  type AgentId,
  type DataLossReceipt,
  decideRestore,
  type Epoch,
  HoldfastError,
  pinMoved,
  type RestoreDecision,
  type RestoreFacts,
  type RestoringRun,
  restoreBegun,
  restoreDone,
  restoreFailed,
  type StorageRecord,
  storageRecordFormat,
  storePaths,
  type Volume,
} from "@holdfast/core";
import { CALL_MS, type RecordContext, whileAway } from "../request/context.js";
import { updateRecord } from "../request/record-update.js";

/** Which volume: its storage entry's service and role. */
export type VolumeName = Pick<Volume, "service" | "role">;

const LOSS_RECEIPTS_MAX = 20;

/** Undefined = nothing is on record yet. */
export async function readStorageRecord(
  context: RecordContext,
  { service, role }: VolumeName,
  signal: AbortSignal,
): Promise<StorageRecord | undefined> {
  const path = storePaths.storage(service, role);
  const entry = await whileAway(context, signal, () => context.store.get(path, { timeoutMs: CALL_MS, signal }));
  return entry === undefined ? undefined : storageRecordFormat.parse(entry.data);
}

/**
 * Chooses the agent of a pinned volume, once: the first choice stands, whoever else chooses at the same time.
 * @returns the record with the pin that counts, which may be another's.
 * @throws `INCOMPATIBLE` when the volume is on record under another strategy; store errors.
 */
export function pinVolume(
  context: RecordContext,
  name: VolumeName,
  strategy: string,
  pin: { readonly agent: AgentId; readonly why: string },
  signal: AbortSignal,
): Promise<StorageRecord> {
  return change(context, name, strategy, signal, (record) =>
    record.pin !== null ? record : { ...record, pin: { ...pin, at: context.clock.wallTime() } },
  );
}

/**
 * Moves the pin: the decision that `from` is lost for good. The data is then restored on the other agent.
 * @throws `STALE_EPOCH` when the pin is not `from`'s any more; `INCOMPATIBLE`; store errors.
 */
export function movePin(
  context: RecordContext,
  name: VolumeName,
  strategy: string,
  move: { readonly from: AgentId; readonly to: AgentId; readonly why: string },
  signal: AbortSignal,
): Promise<StorageRecord> {
  return change(context, name, strategy, signal, (record) => {
    const { pin } = record;
    if (pin?.agent === move.to) return record;
    // A volume of before there were pins is at home where it was first verified.
    if ((pin?.agent ?? record.initialised?.agent) === move.from) {
      return pinMoved(record, { agent: move.to, why: move.why, at: context.clock.wallTime() });
    }
    throw new HoldfastError(
      "STALE_EPOCH",
      `${name.service}/${name.role} is ${pin === null ? "not pinned" : `pinned to ${pin.agent}`}, not to ${move.from}.`,
      { hint: "Somebody else decided meanwhile; look again." },
    );
  });
}

/**
 * The first run that verified the volume says so: from then on an empty directory is a loss and never a beginning.
 * @throws `IDENTITY_MISMATCH` when another volume is on record; `INCOMPATIBLE`; store errors.
 */
export function markInitialised(
  context: RecordContext,
  name: VolumeName,
  strategy: string,
  seen: { readonly volumeId: string; readonly epoch: Epoch; readonly agent: AgentId },
  signal: AbortSignal,
): Promise<StorageRecord> {
  return change(context, name, strategy, signal, (record) => {
    const { initialised } = record;
    if (initialised === null) return { ...record, initialised: { ...seen, at: context.clock.wallTime() } };
    if (initialised.volumeId === seen.volumeId) return record;
    throw new HoldfastError(
      "IDENTITY_MISMATCH",
      `The volume of ${name.service}/${name.role} is ${seen.volumeId}; on record is ${initialised.volumeId} since epoch ${initialised.epoch}.`,
      { hint: "Another volume lies under the mount path. Find the right one; nothing was started." },
    );
  });
}

/**
 * Decides with `decideRestore` on the record as it is at the moment of writing, and marks a restore as begun before its
 * first byte. The same run asking again gets the same answer.
 * @throws `INCOMPATIBLE`; store errors.
 */
export async function beginRestore(
  context: RecordContext,
  name: VolumeName,
  strategy: string,
  restore: { readonly run: RestoringRun; readonly facts: RestoreFacts; readonly from: string },
  signal: AbortSignal,
): Promise<RestoreDecision> {
  const { run, facts, from } = restore;
  let decision: RestoreDecision = { kind: "none", why: "nothing is on record" };
  await change(context, name, strategy, signal, (record) => {
    decision = decideRestore(record, run, facts);
    if (decision.kind !== "begin" || isOwnRestore(record, run)) return record;
    return restoreBegun(record, run, from, context.clock.wallTime());
  });
  return decision;
}

/**
 * Ends the restore that this run began: `done` before the application starts, with the receipt of what is lost.
 * @throws `STALE_EPOCH` when another run's restore, or none, is on record; `INCOMPATIBLE`; store errors.
 */
export function endRestore(
  context: RecordContext,
  name: VolumeName,
  strategy: string,
  restore: {
    readonly run: RestoringRun;
    readonly result:
      | { readonly state: "done"; readonly volumeId: string; readonly receipt: DataLossReceipt }
      | { readonly state: "failed" };
  },
  signal: AbortSignal,
): Promise<StorageRecord> {
  const { run, result } = restore;
  return change(context, name, strategy, signal, (record) => {
    if (record.restore?.state === result.state && isOwnRestore(record, run)) return record;
    if (record.restore?.state !== "in-progress" || !isOwnRestore(record, run)) {
      throw new HoldfastError("STALE_EPOCH", `No restore of run ${run.run} is on record as begun.`, {
        hint: "Stop; another run has this volume now.",
      });
    }
    if (result.state === "done") return restoreDone(record, run, result);
    return restoreFailed(record, run, record.restore.from, context.clock.wallTime());
  });
}

function isOwnRestore({ restore }: StorageRecord, run: RestoringRun): boolean {
  return restore?.run === run.run && restore.epoch === run.epoch && restore.agent === run.agent;
}

/** What a failover may have lost, once per run, before its application starts (invariant I6). */
export function addLossReceipt(
  context: RecordContext,
  name: VolumeName,
  strategy: string,
  receipt: DataLossReceipt,
  signal: AbortSignal,
): Promise<StorageRecord> {
  return change(context, name, strategy, signal, (record) => {
    const known = record.lossReceipts.some((one) => one.epoch === receipt.epoch && one.from === receipt.from);
    if (known) return record;
    return { ...record, lossReceipts: [...record.lossReceipts, receipt].slice(-LOSS_RECEIPTS_MAX) };
  });
}

async function change(
  context: RecordContext,
  { service, role }: VolumeName,
  strategy: string,
  signal: AbortSignal,
  decide: (record: StorageRecord) => StorageRecord,
): Promise<StorageRecord> {
  const path = storePaths.storage(service, role);
  const empty = (): StorageRecord => ({
    ...{ v: 1, service, role, strategy, pin: null, initialised: null, restore: null, lossReceipts: [] },
  });
  const written = await updateRecord(
    context,
    path,
    storageRecordFormat,
    (before) => {
      if (before !== undefined && before.strategy !== strategy) {
        throw new HoldfastError(
          "INCOMPATIBLE",
          `The ${role} volume of ${service} is on record with ${before.strategy}, not ${strategy}.`,
          {
            hint: "A service keeps its strategy. For data that was moved to other storage, describe a service of another name.",
          },
        );
      }
      return decide(before ?? empty());
    },
    signal,
  );
  if (written === undefined) throw new Error("the storage record was neither written nor kept");
  return written;
}

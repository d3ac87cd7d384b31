import type { ErrorCode } from "../error-codes.js";
import type { AgentId, Epoch, RunId } from "../ids.js";
import type { DataLossReceipt } from "../records/request.js";
import type { StorageRecord } from "../records/storage.js";

/** The run that asks; it holds the lease. */
export interface RestoringRun {
  readonly agent: AgentId;
  readonly run: RunId;
  readonly epoch: Epoch;
}

export interface RestoreFacts {
  /** The service file permits a restore at process start. A policy is an explicit confirmation given beforehand. */
  readonly permitted: boolean;
  /** Id in the mark of what is mounted; null when there is no mark. */
  readonly volumeId: string | null;
  /** Nothing lies there, apart from what an earlier restore left unfinished. */
  readonly empty: boolean;
}

export type RestoreDecision =
  /** The data is where it should be, or nothing was ever there. */
  | { readonly kind: "none"; readonly why: string }
  /** Into an emptied scratch; whatever a dead run left unfinished is thrown away. */
  | { readonly kind: "begin"; readonly why: string }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string; readonly hint: string };

/**
 * Pure: may data be restored before the application starts? The record alone says that data was lost: an empty directory
 * never does, because a disk that is not mounted looks the same. A restore begins only where the pin was moved on record
 * after its agent was lost, only under a policy that permits it, only into an empty volume, and ends at most once per
 * loss; one that a crash interrupted is begun anew.
 */
export function decideRestore(record: StorageRecord | null, self: RestoringRun, facts: RestoreFacts): RestoreDecision {
  const initialised = record?.initialised ?? null;
  if (record === null || initialised === null) return { kind: "none", why: "this volume never held anything" };
  const home = record.pin?.agent ?? initialised.agent;
  if (home !== self.agent) {
    return refused(
      "HELD_BY_OTHER",
      `The ${record.role} volume of ${record.service} belongs on agent ${home}, not on ${self.agent}.`,
      `Wait for ${home}. If it is lost for good, move the pin, then the data is restored.`,
    );
  }
  const before = record.restore;
  if (before !== null && (before.epoch > self.epoch || (before.epoch === self.epoch && before.run !== self.run))) {
    return refused(
      "STALE_EPOCH",
      `A restore of epoch ${before.epoch} is on record, begun by run ${before.run}.`,
      "This grant is void; stop.",
    );
  }
  if (before?.state === "in-progress") {
    const why = `run ${before.run} (epoch ${before.epoch}) did not finish its restore from ${before.from}; it is begun anew`;
    return begin(record, facts, why);
  }
  if (before?.state === "failed") {
    return refused(
      "RESTORE_FAILED",
      `The restore of ${record.service} from ${before.from} failed at ${before.at}.`,
      "See the report of that run. A person decides what is tried next.",
    );
  }
  if (initialised.agent !== self.agent) {
    return begin(
      record,
      facts,
      `the data was on agent ${initialised.agent}; the pin was moved: ${record.pin?.why ?? ""}`,
    );
  }
  if (facts.volumeId === initialised.volumeId) return { kind: "none", why: "the volume is the one on record" };
  return refused(
    "IDENTITY_MISMATCH",
    `The volume ${initialised.volumeId} of ${record.service} should be here; there is ${facts.volumeId ?? "none"}.`,
    "Is its disk mounted? It held data, so nothing is started on another directory, and nothing is restored by itself.",
  );
}

function begin(record: StorageRecord, facts: RestoreFacts, why: string): RestoreDecision {
  if (!facts.permitted) {
    return refused(
      "DENIED",
      `The ${record.role} volume of ${record.service} is not on this agent, and the service file permits no restore: ${why}.`,
      "Set onAgentLoss: restore-elsewhere, or bring the volume back.",
    );
  }
  // A run that crashed between its last step and the record leaves a marked volume; its restore is repeated to the same
  // end, so only a mark that nobody was about to write counts as foreign data.
  if (!facts.empty && record.restore?.state !== "in-progress") {
    return refused(
      "RESTORE_FAILED",
      `The ${record.role} volume of ${record.service} is to be restored, but there is data in its place.`,
      "Nothing is restored over data. Look whose it is, and move it away.",
    );
  }
  return { kind: "begin", why };
}

function refused(code: ErrorCode, message: string, hint: string): RestoreDecision {
  return { kind: "refused", code, message, hint };
}

/** Written before the first byte is restored. */
export function restoreBegun(record: StorageRecord, self: RestoringRun, from: string, at: string): StorageRecord {
  return { ...record, restore: { state: "in-progress", from, ...named(self), at } };
}

/** Written before the application starts. From here on the volume is at home here, as if it had begun here. */
export function restoreDone(
  record: StorageRecord,
  self: RestoringRun,
  result: { readonly volumeId: string; readonly receipt: DataLossReceipt },
): StorageRecord {
  const { volumeId, receipt } = result;
  return {
    ...record,
    initialised: { volumeId, epoch: self.epoch, agent: self.agent, at: receipt.at },
    restore: { state: "done", from: receipt.from, ...named(self), at: receipt.at },
    lossReceipts: [...record.lossReceipts, receipt].slice(-LOSS_RECEIPTS_MAX),
  };
}

/** For failures that another attempt would only repeat; any other leaves the record `in-progress`. */
export function restoreFailed(record: StorageRecord, self: RestoringRun, from: string, at: string): StorageRecord {
  return { ...record, restore: { state: "failed", from, ...named(self), at } };
}

/** The decision that an agent is lost: the data is at home elsewhere from now on. A finished restore is history. */
export function pinMoved(record: StorageRecord, pin: NonNullable<StorageRecord["pin"]>): StorageRecord {
  return { ...record, pin, restore: record.pin?.agent === pin.agent ? record.restore : null };
}

const LOSS_RECEIPTS_MAX = 20;

function named({ agent, run, epoch }: RestoringRun): RestoringRun {
  return { agent, run, epoch };
}

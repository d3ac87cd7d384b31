import { HoldfastError } from "../errors.js";
import {
  type DecisionsRecord,
  type Operation,
  type OperationStep,
  type OperationVerb,
  PAST_BYTES_MAX,
  PAST_OPERATIONS_MAX,
  type PastOperation,
} from "../records/decisions.js";

/** Pure: what may be written by the leader of this epoch. @throws `STALE_EPOCH` when a later leader wrote here. */
export function requireLeader(record: DecisionsRecord | undefined, leader: bigint): void {
  if (record === undefined || record.leader <= leader) return;
  throw new HoldfastError(
    "STALE_EPOCH",
    `A controller of epoch ${record.leader} has taken over from epoch ${leader}.`,
    {
      hint: "This one does nothing more; the present leader goes on.",
      detail: { leader: record.leader.toString() },
    },
  );
}

function emptyDecisions(service: string): DecisionsRecord {
  return { v: 1, service, leader: 0n, current: null, applied: null, past: [], acknowledged: null };
}

/**
 * Pure: puts an operation on record before anything of it is done. The same one again changes nothing.
 * @throws `BUSY` when another one is under way.
 */
export function openOperation(
  record: DecisionsRecord | undefined,
  service: string,
  operation: Operation,
): DecisionsRecord {
  const before = record ?? emptyDecisions(service);
  if (before.current?.id === operation.id || before.past.some(({ id }) => id === operation.id)) return before;
  if (before.current !== null) {
    const { kind, by, at } = before.current;
    throw new HoldfastError("BUSY", `A ${kind} of ${service} is under way, asked for by ${by} at ${at}.`, {
      hint: `See holdfast explain ${service}; when it has ended, ask again.`,
      retryable: true,
      detail: { operation: before.current.id },
    });
  }
  return { ...before, current: operation };
}

/** Pure: notes one step of the operation under way. @throws `STALE_EPOCH` when that operation is not the current one. */
export function noteStep(
  record: DecisionsRecord | undefined,
  id: string,
  leader: bigint,
  step: OperationStep,
): DecisionsRecord {
  const { before, current } = requireCurrent(record, id, leader);
  const index = current.steps.findIndex(({ verb }) => verb === step.verb);
  const steps = index < 0 ? [...current.steps, step] : current.steps.map((old, at) => (at === index ? step : old));
  return { ...before, leader, current: { ...current, state: "doing", steps } };
}

/** Pure: whether the journal says that a step is done. */
export function isDone({ steps }: Operation, verb: OperationVerb): boolean {
  return steps.some((step) => step.verb === verb && step.state === "done");
}

/** Pure: ends the operation under way; what was applied is known from then on. One that ended already stays as it is. */
export function closeOperation(
  record: DecisionsRecord | undefined,
  id: string,
  leader: bigint,
  end: { readonly at: string; readonly failure?: NonNullable<Operation["failure"]>; readonly note?: string },
): DecisionsRecord {
  if (record?.past.some((ended) => ended.id === id) === true) return record;
  const { before, current } = requireCurrent(record, id, leader);
  const { kind, by, reason, at, automatic, generation, digest } = current;
  const { failure, note } = end;
  const past: PastOperation = {
    ...{ id, kind, by, reason, at, endedAt: end.at, automatic, generation },
    ...(failure === undefined ? { state: "done" } : { state: "failed", failure }),
    ...(note === undefined ? {} : { note: note.slice(0, 300) }),
  };
  const applied = failure === undefined && digest !== null ? { generation, digest, at: end.at } : before.applied;
  return { ...before, leader, current: null, applied, past: newest([...before.past, past]) };
}

/** What still fits, oldest first: messages may be long, and the record has a limit. */
function newest(past: readonly PastOperation[]): PastOperation[] {
  let bytes = 0;
  const kept = past.slice(-PAST_OPERATIONS_MAX).findLastIndex((operation) => {
    bytes += new TextEncoder().encode(JSON.stringify(operation)).byteLength;
    return bytes > PAST_BYTES_MAX;
  });
  return past.slice(-PAST_OPERATIONS_MAX).slice(kept + 1);
}

/** Pure: an operator looked; see `DecisionsRecord.acknowledged`. */
export function acknowledgeDecisions(
  record: DecisionsRecord | undefined,
  service: string,
  acknowledged: NonNullable<DecisionsRecord["acknowledged"]>,
): DecisionsRecord {
  return { ...(record ?? emptyDecisions(service)), acknowledged };
}

function requireCurrent(record: DecisionsRecord | undefined, id: string, leader: bigint) {
  requireLeader(record, leader);
  if (record?.current?.id === id) return { before: record, current: record.current };
  throw new HoldfastError("STALE_EPOCH", `Operation ${id} is not the one under way.`, {
    hint: "Another controller has ended it; nothing more is done under it.",
  });
}

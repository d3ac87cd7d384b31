import type { AgentId, Epoch } from "../ids.js";
import type { HistoryRecord } from "../records/history.js";
import type { LeaseRecord } from "../records/lease.js";
import type { FenceReceipt, RequestRecord } from "../records/request.js";
import type { FormerHolder } from "./observation.js";

/** `strategy` of a receipt that is a person's word: it stands for its epoch and everything older, on every volume. */
export const OPERATOR_RECEIPT = "operator";

/**
 * Who of the record that was taken over may still write: its holder, unless it released or never held, and whatever
 * that one had pending. Pure.
 */
export function formerOfRecord(taken: LeaseRecord): readonly FormerHolder[] {
  const own: FormerHolder[] =
    taken.state.kind === "held" || taken.state.kind === "yield"
      ? [{ agent: taken.agent, epoch: taken.epoch, bootId: taken.bootId, machineId: taken.machineId }]
      : [];
  const { pendingFence: pending } = taken;
  const pended: FormerHolder[] = pending === null ? [] : [{ agent: pending.agent, epoch: pending.epoch, bootId: null }];
  return mergeFormer(own, pended);
}

/**
 * The same, with those whom a run in between knew of and did not get fenced: a run that dies between its takeover and
 * the last receipt must not make anybody forget them. The former request names them; where that run died before it
 * wrote one, the history does (`started` and not `stopped`). Pure.
 */
export function formerHolders(facts: {
  readonly former: readonly FormerHolder[];
  readonly epoch: Epoch;
  readonly before: RequestRecord | undefined;
  readonly history: HistoryRecord | undefined;
}): readonly FormerHolder[] {
  const { former, epoch, before, history } = facts;
  // The run of a request accounted for everybody before it; itself it may have left without a trace in a later one.
  const since = before?.epoch ?? 0n;
  const entries = (history?.entries ?? []).filter((entry) => entry.epoch >= since && entry.epoch < epoch - 1n);
  const ended = new Set(entries.filter(({ kind }) => kind === "stopped").map((entry) => entry.epoch));
  const unended = entries
    .filter((entry) => (entry.kind === "started" || entry.kind === "yielded") && !ended.has(entry.epoch))
    .map((entry): FormerHolder => ({ agent: entry.agent, epoch: entry.epoch, bootId: null }));
  // Once a request was ready, each of them was fenced, or is one that this storage cannot fence.
  const open = before !== undefined && before.epoch <= epoch && before.state !== "ready";
  const carried = open || before?.epoch === epoch ? (before?.former ?? []) : [];
  return mergeFormer(former, [...carried, ...unended]);
}

/** One per agent, the newest epoch counts, oldest first. Pure. */
export function mergeFormer(first: readonly FormerHolder[], second: readonly FormerHolder[]): readonly FormerHolder[] {
  const byAgent = new Map<AgentId, FormerHolder>();
  for (const holder of [...first, ...second]) {
    const known = byAgent.get(holder.agent);
    const better = known === undefined || holder.epoch > known.epoch;
    const tells = known?.epoch === holder.epoch && known.bootId === null && holder.bootId !== null;
    if (better || tells) byAgent.set(holder.agent, holder);
  }
  return [...byAgent.values()].sort((a, b) => (a.epoch < b.epoch ? -1 : a.epoch > b.epoch ? 1 : 0));
}

/** Whether receipts prove that this holder cannot change the volume of this role any more. Pure. */
export function isFenced(receipts: readonly FenceReceipt[], former: FormerHolder, role: string): boolean {
  return receipts.some(
    (receipt) =>
      receipt.fencedEpoch >= former.epoch &&
      (receipt.strategy === OPERATOR_RECEIPT || receipt.agent === former.agent) &&
      (receipt.role === undefined || receipt.role === role),
  );
}

/** The agent on which the run goes on, as its own lease record says. */
export interface FormerTarget {
  readonly agent: AgentId;
  readonly bootId: string;
  readonly machineId: string;
}

export interface FormerSplit {
  /** Must be fenced, where the storage can. */
  readonly remaining: readonly FormerHolder[];
  /** The kernel that they ran on is gone: proof by itself, kept as a receipt. */
  readonly rebooted: readonly { readonly former: FormerHolder; readonly evidence: string }[];
}

/**
 * Nobody is fenced on the agent that runs next, because that would cut the run itself off. There its tree is gone by
 * local evidence; and when the machine was started anew since, nothing of the former kernel is left at all. A name
 * that moved to another machine proves neither. Pure.
 */
export function splitFormer(former: readonly FormerHolder[], target: FormerTarget): FormerSplit {
  const remaining: FormerHolder[] = [];
  const rebooted: FormerSplit["rebooted"][number][] = [];
  for (const holder of former) {
    if (holder.agent !== target.agent) {
      remaining.push(holder);
      continue;
    }
    const otherMachine = typeof holder.machineId === "string" && holder.machineId !== target.machineId;
    if (otherMachine) {
      remaining.push(holder);
      continue;
    }
    if (holder.bootId === null || holder.bootId === target.bootId || typeof holder.machineId !== "string") continue;
    rebooted.push({
      former: holder,
      evidence: `agent ${holder.agent} (machine ${target.machineId}) was started anew: boot ${holder.bootId} then, ${target.bootId} now`,
    });
  }
  return { remaining, rebooted };
}

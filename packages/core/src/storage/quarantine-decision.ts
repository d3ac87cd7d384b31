import type { Epoch } from "../ids.js";
import type { QuarantineRecord } from "../records/request.js";

/** What is known of the agent for which a quarantine stands. */
export interface QuarantineFacts {
  /** Kernel that it runs now. */
  readonly bootId: string;
  /** The storage says that it is attached there; null = nobody looked, or the backend cannot tell. */
  readonly attached: boolean | null;
  /** What the next run there did as its first step, in words; null = not yet. */
  readonly cleaned: string | null;
}

export type QuarantineDecision =
  | { readonly kind: "free" }
  /** Clean-up was observed: the record goes. */
  | { readonly kind: "clear"; readonly how: string }
  | { readonly kind: "blocked"; readonly why: string };

/**
 * May a run of this service start on the agent where an earlier one was fenced? Concerns that agent's next run and nothing
 * else: no other agent waits for it. Pure.
 */
export function decideQuarantine(record: QuarantineRecord | undefined, facts: QuarantineFacts): QuarantineDecision {
  if (record === undefined) return { kind: "free" };
  if (facts.cleaned !== null) return { kind: "clear", how: facts.cleaned };
  const rebooted = record.bootId !== "" && record.bootId !== facts.bootId;
  if (rebooted && facts.attached === false) {
    return { kind: "clear", how: `started anew (boot ${facts.bootId}), and nothing is attached there` };
  }
  return {
    kind: "blocked",
    why: `${record.agent} was fenced under epoch ${record.epoch} (${record.reason}), and no clean-up was observed since`,
  };
}

/** Pure: what a run that ended late may clear itself: its own quarantine and older ones, never that of a later run. */
export function mayWriteClean(record: QuarantineRecord, by: { readonly epoch: Epoch }): boolean {
  return record.epoch <= by.epoch;
}

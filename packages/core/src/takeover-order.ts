import type { LeaseState } from "./records/lease.js";
import type { FenceReceipt } from "./records/request.js";

/** The order at takeover (ARCHITECTURE §4). Each step is done before the next one begins. */
export const TAKEOVER_STEPS = [
  "fence",
  "attach",
  "check",
  "repair",
  "mount",
  "verify",
  "claim",
  "restore",
  "start",
  "ready",
  "publish",
] as const;
export type TakeoverStep = (typeof TAKEOVER_STEPS)[number];

export interface TakeoverFacts {
  /** State of the record that this run took over from. */
  readonly former: LeaseState["kind"];
  readonly formerEpoch: bigint;
  readonly receipts: readonly FenceReceipt[];
  readonly capabilities: { readonly fences: boolean; readonly mounts: boolean; readonly repairs: boolean };
  /** Result of the check, once there is one. */
  readonly check: "clean" | "needs-repair-safe" | "needs-repair-unsafe" | null;
  readonly restore: "not-asked" | "asked-and-empty" | "asked-but-has-data";
  /** False for a bare `run --volume`: verify and claim only. False too when no volume is guarded. */
  readonly hasStrategy: boolean;
  readonly hasVolume: boolean;
}

export type TakeoverPlan =
  | { readonly kind: "steps"; readonly steps: readonly TakeoverStep[] }
  | { readonly kind: "wait"; readonly code: "UNFENCEABLE"; readonly why: string }
  | { readonly kind: "stop"; readonly code: "NEEDS_REPAIR"; readonly why: string };

/** Pure: what a run that has won the lease does before its application may start. */
export function planTakeover(facts: TakeoverFacts): TakeoverPlan {
  const steps: TakeoverStep[] = [];
  const fenced = facts.receipts.some((receipt) => receipt.fencedEpoch >= facts.formerEpoch);
  if (facts.former === "yield" && !fenced && !facts.capabilities.fences) {
    return {
      kind: "wait",
      code: "UNFENCEABLE",
      why: `the run of epoch ${facts.formerEpoch} left something behind that may still write, and nothing here can fence it`,
    };
  }
  // A clean release needs no fence: nothing of the former tree was left. Anything else may still write.
  if (facts.former !== "released" && facts.former !== "vacant" && facts.capabilities.fences && !fenced)
    steps.push("fence");
  if (facts.hasStrategy) {
    steps.push("attach", "check");
    if (facts.check === "needs-repair-unsafe") {
      return {
        kind: "stop",
        code: "NEEDS_REPAIR",
        why: "the file system is damaged beyond what may be repaired without a person",
      };
    }
    if (facts.check === "needs-repair-safe" && facts.capabilities.repairs) steps.push("repair");
    if (facts.capabilities.mounts) steps.push("mount");
  }
  if (facts.hasVolume) steps.push("verify", "claim");
  if (facts.restore === "asked-and-empty") steps.push("restore");
  steps.push("start", "ready", "publish");
  return { kind: "steps", steps };
}

import { type CutKind, type Grade, type LeaseCosts, type LeaseTiming, timeBudget } from "@holdfast/core";
import type { TreeKind } from "../init/protocol.js";
import type { InitKeeper } from "./events.js";
import { killGraceWarning } from "./kill-grace.js";
import type { Turn } from "./turn.js";

export interface ProtectionFacts {
  readonly treeKind: TreeKind;
  readonly keeper: InitKeeper;
  readonly volume: boolean;
  /** Null: no strategy brings the volume. */
  readonly storage: { readonly description: string; readonly cut: CutKind } | null;
}

const CUTS: Readonly<Record<CutKind, string>> = {
  local: "volume is this machine's own",
  "with-tree": "volume cut with its tree",
  "after-sync": "volume cut only once it is written back",
};

/** What stands between two writers on this machine, and in the same breath what does not. Pure. */
export function describeProtection({ treeKind, keeper, volume, storage }: ProtectionFacts): string {
  const parts = [treeKind, ...(volume ? ["claim"] : []), keeper === "native" ? "deadline-init" : "deadline-guard"];
  if (storage !== null) parts.push(`${storage.description}: ${CUTS[storage.cut]}`);
  const lacks = [
    ...(treeKind === "subreaper" ? ["no PID namespace here: the tree is killed by walking it"] : []),
    ...(keeper === "util-linux"
      ? ["util-linux in place of the native init: no deadline in the kernel, so a stopped guard is not noticed"]
      : []),
    ...(volume ? [] : ["no volume is guarded, only the process"]),
  ];
  return [parts.join(" + "), ...lacks].join("; ");
}

export interface StartFacts {
  readonly protection: string;
  readonly grade: Grade;
  readonly timing: LeaseTiming;
  readonly costs: LeaseCosts;
}

/** The line that every run begins with. Pure. */
export function startLine({ protection, grade, timing, costs }: StartFacts): string {
  const worstMs = timeBudget(timing, costs).takeoverMsMax;
  return `protection: ${protection}; grade ${grade}; worst case takeover ${(worstMs / 1000).toFixed(1)} s`;
}

/** Says once what protects this run, and what a scheduler would spoil. */
export function announceProtection(turn: Turn, kinds: Pick<ProtectionFacts, "treeKind" | "keeper">): void {
  const { config } = turn.state;
  const protection = describeProtection({ ...kinds, volume: config.volume !== null, storage: config.storage });
  turn.set({ protection });
  turn.log("info", startLine({ protection, grade: config.grade, timing: config.timing, costs: config.costs }));
  const warning = killGraceWarning(config);
  if (warning !== null) turn.log("warn", warning);
}

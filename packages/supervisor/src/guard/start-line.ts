import { type Grade, type LeaseCosts, type LeaseTiming, timeBudget } from "@holdfast/core";
import type { TreeKind } from "../init/protocol.js";
import type { InitKeeper } from "./events.js";

export interface ProtectionFacts {
  readonly treeKind: TreeKind;
  readonly keeper: InitKeeper;
  readonly volume: boolean;
}

/** What stands between two writers on this machine, and in the same breath what does not. Pure. */
export function describeProtection({ treeKind, keeper, volume }: ProtectionFacts): string {
  const parts = [treeKind, ...(volume ? ["claim"] : []), keeper === "native" ? "deadline-init" : "deadline-guard"];
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

import {
  DEFAULT_LEASE_COSTS,
  DEFAULT_LEASE_TIMING,
  explainTimeBudget,
  HoldfastError,
  type LeaseTiming,
  timeBudget,
} from "@holdfast/core";
import type { RunArguments } from "./parse.js";

/**
 * Numbers that were given stand as given; the others follow the lease, so that `--lease-ms` alone is enough.
 * @throws `IMPOSSIBLE_BUDGET`, naming each term.
 */
export function leaseTiming(args: Pick<RunArguments, "ms">): LeaseTiming {
  const leaseMs = args.ms("lease-ms") ?? DEFAULT_LEASE_TIMING.leaseMs;
  const guardMs = args.ms("guard-ms") ?? DEFAULT_LEASE_TIMING.guardMs;
  const share = (part: keyof LeaseTiming) =>
    Math.floor((leaseMs * DEFAULT_LEASE_TIMING[part]) / DEFAULT_LEASE_TIMING.leaseMs);
  const timing: LeaseTiming = {
    leaseMs,
    guardMs,
    renewMs: args.ms("renew-ms") ?? share("renewMs"),
    stopBudgetMs: args.ms("stop-budget-ms") ?? share("stopBudgetMs"),
    marginMs: args.ms("margin-ms") ?? Math.max(share("marginMs"), smallestMargin(leaseMs, guardMs)),
  };
  const { problems } = timeBudget(timing);
  if (problems.length > 0) {
    throw new HoldfastError("IMPOSSIBLE_BUDGET", `The lease's numbers contradict each other: ${problems.join("; ")}.`, {
      hint: `The budget was:\n${explainTimeBudget(timing)}`,
    });
  }
  return timing;
}

function smallestMargin(leaseMs: number, guardMs: number): number {
  return timeBudget({ ...DEFAULT_LEASE_TIMING, leaseMs, guardMs }, DEFAULT_LEASE_COSTS).marginMsMin;
}

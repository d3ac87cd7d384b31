import {
  DEFAULT_LEASE_COSTS,
  DEFAULT_LEASE_TIMING,
  explainTimeBudget,
  HoldfastError,
  type LeaseCosts,
  type LeaseTiming,
  timeBudget,
} from "@holdfast/core";
import type { RunArguments } from "./parse.js";

/**
 * Numbers that were given stand as given; the others follow the lease, so that `--lease-ms` alone is enough.
 * @throws `IMPOSSIBLE_BUDGET`, naming each term.
 */
export function leaseTiming(
  args: Pick<RunArguments, "ms">,
  file: LeaseTiming | null = null,
  costs: LeaseCosts = DEFAULT_LEASE_COSTS,
): LeaseTiming {
  const given = args.ms("lease-ms");
  // A lease of the command line takes the place of the file's, and with it go the numbers that were made for that one.
  const base = given === undefined ? file : null;
  const leaseMs = given ?? base?.leaseMs ?? DEFAULT_LEASE_TIMING.leaseMs;
  const guardMs = args.ms("guard-ms") ?? base?.guardMs ?? DEFAULT_LEASE_TIMING.guardMs;
  const share = (part: keyof LeaseTiming) =>
    Math.floor((leaseMs * DEFAULT_LEASE_TIMING[part]) / DEFAULT_LEASE_TIMING.leaseMs);
  const timing: LeaseTiming = {
    leaseMs,
    guardMs,
    renewMs: args.ms("renew-ms") ?? base?.renewMs ?? share("renewMs"),
    stopBudgetMs: args.ms("stop-budget-ms") ?? base?.stopBudgetMs ?? share("stopBudgetMs"),
    marginMs:
      args.ms("margin-ms") ?? Math.max(base?.marginMs ?? share("marginMs"), smallestMargin(leaseMs, guardMs, costs)),
  };
  const { problems } = timeBudget(timing, costs);
  if (problems.length > 0) {
    throw new HoldfastError("IMPOSSIBLE_BUDGET", `The lease's numbers contradict each other: ${problems.join("; ")}.`, {
      hint: `The budget was:\n${explainTimeBudget(timing, costs)}`,
    });
  }
  return timing;
}

function smallestMargin(leaseMs: number, guardMs: number, costs: LeaseCosts): number {
  return timeBudget({ ...DEFAULT_LEASE_TIMING, leaseMs, guardMs }, costs).marginMsMin;
}

import { timeBudget } from "@holdfast/core";
import type { GuardConfig } from "./config.js";

/**
 * Whether a scheduler would kill us before a clean stop and the release are over. Then it would leave the lease to run
 * out, and every restart would cost a whole lease. Pure; null = it fits, or nothing is known.
 */
export function killGraceWarning(config: Pick<GuardConfig, "timing" | "costs" | "killGraceMs">): string | null {
  const { timing, costs, killGraceMs } = config;
  if (killGraceMs === null) return null;
  const releaseMs = timeBudget(timing, costs).replyMs;
  const neededMs = timing.stopBudgetMs + costs.killMs + costs.cutMs + releaseMs;
  if (neededMs <= killGraceMs) return null;
  return (
    `the scheduler kills after ${killGraceMs} ms, but a clean stop may take ${neededMs} ms (stop budget ${timing.stopBudgetMs} + ` +
    `kill ${costs.killMs} + cut ${costs.cutMs} + release ${releaseMs}): raise its kill grace (Marathon: taskKillGracePeriodSeconds) ` +
    "or lower --stop-budget-ms; otherwise a successor waits a whole lease"
  );
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  secs: 1_000,
  mins: 60_000,
  hrs: 3_600_000,
};

/** What Mesos tells an executor in its environment, such as `5secs`. Null when it is not there or not understood. Pure. */
export function killGraceFromEnvironment(env: Readonly<Record<string, string | undefined>>): number | null {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ns|us|ms|secs|mins|hrs)$/.exec(env.MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD ?? "");
  const unitMs = UNIT_MS[match?.[2] ?? ""];
  return match === null || unitMs === undefined ? null : Number(match[1]) * unitMs;
}

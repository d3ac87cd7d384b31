import { DEFAULT_LEASE_COSTS, type Service, timeBudget } from "@holdfast/core";
import type { CompileOptions } from "./options.js";
import type { PlacedVolume } from "./volumes.js";

/** How long the guard lets a probe of the volume take; it gives unmounting no less. */
const PROBE_MS = 5_000;
/** What the guard adds to the strategies' own cut, for the start of the program that cuts. */
const CUT_START_MS = 2_000;
/** For the release, and whatever the machine does meanwhile. */
const RESERVE_MS_MIN = 5_000;
const RECOVERY_MS = 1_800_000;

/**
 * From SIGTERM until nothing is left and the release is written, in seconds, rounded up: the bounds that the guard itself
 * sets to each part. A stop that Mesos ends with SIGKILL before that cannot release, and its successor waits a lease.
 */
export function killGraceSeconds(
  service: Service,
  volumes: readonly PlacedVolume[],
): { readonly seconds: number; readonly why: string } {
  const { exclusivity } = service.spec;
  const { silenceMs, replyMs } = timeBudget(exclusivity);
  const parts = {
    stopBudgetMs: exclusivity.stopBudgetMs,
    kill: DEFAULT_LEASE_COSTS.killMs,
    unmount: Math.max(PROBE_MS, exclusivity.stopBudgetMs),
    cut: volumes.reduce((sum, { capabilities }) => sum + capabilities.cutMsMax, CUT_START_MS),
    release: Math.max(RESERVE_MS_MIN, silenceMs + replyMs),
  };
  const sumMs = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const why = Object.entries(parts).map(([name, ms]) => `${name} ${ms}`);
  return { seconds: Math.ceil(sumMs / 1_000), why: `${why.join(" + ")} ms, each as the guard bounds it` };
}

/** Until a run that won the lease must have become healthy. */
export function recoverySeconds(service: Service, options: CompileOptions): number {
  const recoveryMs = options.recoveryMs?.(service) ?? RECOVERY_MS;
  return Math.ceil((service.spec.exclusivity.attachTimeoutMs + recoveryMs) / 1_000);
}

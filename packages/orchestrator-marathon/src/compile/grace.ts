import { DEFAULT_LEASE_COSTS, type Service } from "@holdfast/core";
import type { CompileOptions } from "./options.js";
import type { PlacedVolume } from "./volumes.js";

/** For the record of the release and whatever the machine does meanwhile. */
const RESERVE_MS = 5_000;
const UNMOUNT_MS = 15_000;
const RECOVERY_MS = 1_800_000;

/**
 * From SIGTERM until nothing is left, so that Mesos does not kill a stop that is under way: killed, the run cannot
 * release, and its successor waits a whole lease. Rounded up to seconds.
 */
export function killGraceSeconds(
  service: Service,
  volumes: readonly PlacedVolume[],
  { unmountMs = UNMOUNT_MS }: CompileOptions,
): { readonly seconds: number; readonly why: string } {
  const { stopBudgetMs } = service.spec.exclusivity;
  const killMs = DEFAULT_LEASE_COSTS.killMs;
  const cutMs = volumes.reduce((sum, { capabilities }) => sum + capabilities.cutMsMax, 0);
  const allUnmountMs = volumes.length * unmountMs;
  const sumMs = stopBudgetMs + killMs + cutMs + allUnmountMs + RESERVE_MS;
  const why = `stopBudgetMs ${stopBudgetMs} + kill ${killMs} + cut ${cutMs} + unmount ${allUnmountMs} + ${RESERVE_MS} ms to spare`;
  return { seconds: Math.ceil(sumMs / 1_000), why };
}

/** Until a run that won the lease must have become healthy. */
export function recoverySeconds(service: Service, options: CompileOptions): number {
  const recoveryMs = options.recoveryMs?.(service) ?? RECOVERY_MS;
  return Math.ceil((service.spec.exclusivity.attachTimeoutMs + recoveryMs) / 1_000);
}

import type { LeaseContext, LeaseIdentity, StrategyVolume } from "@holdfast/coordination";
import {
  type Clock,
  type CoordinationStore,
  DEFAULT_LEASE_TIMING,
  type LeaseTiming,
  type Logger,
  type Op,
  type Orchestrator,
  type Placement,
  type ReconcileLimits,
  type Service,
  storePaths,
} from "@holdfast/core";

/** A service as the controller can act on it: its volumes with their strategies, and where they let it run. */
export interface ResolvedService {
  readonly volumes: readonly StrategyVolume[];
  readonly placement: Placement;
}

/** What the program that starts a controller gives it. */
export interface ControllerContext {
  readonly store: CoordinationStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This process, without a service: for leases, history and journals. */
  readonly process: Omit<LeaseIdentity, "service">;
  /** Unique per process, for journals. */
  readonly by: string;
  readonly orchestrator: Orchestrator;
  /** @throws `INVALID_SPEC` and others that say why this program cannot serve it. */
  readonly resolve: (service: Service, signal: AbortSignal) => Promise<ResolvedService>;
  /** An `op` with the controller's credentials, that ends with the signal. */
  readonly op: (signal: AbortSignal) => Op;
  readonly limits: ReconcileLimits;
}

/** Bound of one store call, milliseconds. */
export const CALL_MS = 5_000;
/** Bound of one look at the orchestrator, and of one apply or stop there, milliseconds. */
export const ORCHESTRATOR_MS = 30_000;

export function leaseContextOf(
  context: ControllerContext,
  service: string,
  timing: LeaseTiming = DEFAULT_LEASE_TIMING,
): LeaseContext {
  const { store, clock } = context;
  const paths = {
    lease: storePaths.lease(service),
    history: storePaths.history(service),
    queue: storePaths.queue(service),
  };
  return { store, clock, timing, paths, identity: { ...context.process, service } };
}

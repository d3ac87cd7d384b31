import type { ServiceBudget, StrategyVolume, VolumeOutlook } from "@holdfast/coordination";
import { combinePlacements, DEFAULT_LEASE_COSTS, type Service } from "@holdfast/core";
import {
  type BudgetRow,
  budgetLines,
  type ClusterView,
  expectedFailover,
  type FailoverKind,
  type IsolationRow,
  isolationLines,
  isolationOf,
  placedVolume,
  takeoverBudget,
} from "@holdfast/orchestrator-marathon";

/** `maxLaunchDelaySeconds` of what is compiled. */
const LAUNCH_DELAY_MS = 60_000;
/** From the offer to the first instruction of the run, with the executable in the agent's cache. Not measured here. */
const LAUNCH_MS = 10_000;

/** What Marathon and Mesos make of a service: how long they take, and what they hold it to. */
export interface MarathonOutlook {
  readonly failover: { readonly kind: FailoverKind; readonly instances: number; readonly why: readonly string[] };
  readonly takeover: readonly BudgetRow[];
  readonly isolation: readonly IsolationRow[];
  /** Where the numbers are from, and which are defaults. */
  readonly sources: readonly string[];
}

/** Pure. @throws `INVALID_SPEC`: a warm standby of data that one agent has. */
export function marathonOutlook(
  service: Service,
  volumes: readonly StrategyVolume[],
  seen: { readonly budget: ServiceBudget; readonly volumes: readonly VolumeOutlook[]; readonly cluster: ClusterView },
): MarathonOutlook {
  const placed = volumes.map(({ strategy, volume }) => placedVolume(strategy, volume));
  const known = seen.volumes.flatMap(({ role, placement }) => (placement === null ? [] : [{ role, placement }]));
  const placement = known.length === seen.volumes.length ? combinePlacements(known) : null;
  const { kind, instances, why } = expectedFailover(service.spec.standby, placed, placement);
  const { timing, facts, sources } = seen.cluster;
  const input = {
    failover: kind,
    timing: seen.budget.timing,
    costs: { ...DEFAULT_LEASE_COSTS, cutMs: seen.budget.cutMs },
    cluster: timing,
    attachTimeoutMs: service.spec.exclusivity.attachTimeoutMs,
    launchDelayMs: LAUNCH_DELAY_MS,
    launchMs: LAUNCH_MS,
  };
  // Numbers that contradict each other are told above, and add up to nothing.
  const takeover = seen.budget.problems.length === 0 ? takeoverBudget(input) : [];
  const assumed = `Offer, fetch and start of a task are taken to need ${LAUNCH_MS / 1_000} s; that was not measured.`;
  return {
    failover: { kind, instances, why },
    takeover,
    isolation: isolationOf(service, placed, facts),
    sources: [...sources, assumed],
  };
}

/** Pure: what people read. */
export function marathonLines({ failover, takeover, isolation, sources }: MarathonOutlook): readonly string[] {
  return [
    `on Marathon: ${failover.kind}, ${failover.instances} ${failover.instances === 1 ? "instance" : "instances"}`,
    ...failover.why.map((line) => `  ${line}`),
    "  detection and takeover, from the fault until the next run has its storage:",
    ...budgetLines(takeover).map((line) => `    ${line}`),
    "  what this cluster holds it to:",
    ...isolationLines(isolation).map((line) => `  ${line}`),
    "  from where:",
    ...sources.map((line) => `    ${line}`),
  ];
}

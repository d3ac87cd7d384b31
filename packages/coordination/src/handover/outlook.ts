import {
  completeSteps,
  computeGrade,
  DEFAULT_LEASE_COSTS,
  type FormerHolder,
  formerOfRecord,
  GRADE_MEANINGS,
  type Grade,
  type LeaseRecord,
  type LeaseTiming,
  meetsGrade,
  type ObservedVolume,
  type Placement,
  type QueueCandidate,
  type StorageExplanation,
  type StorageStep,
  type StorageStrategy,
  type TimeBudget,
  timeBudget,
  type Volume,
} from "@holdfast/core";
import { gradeEvidence } from "./grade-evidence.js";

/** A storage entry with the plugin that serves it. */
export interface StrategyVolume {
  readonly strategy: StorageStrategy;
  readonly volume: Volume;
}

export interface ServiceGrade {
  readonly grade: Grade;
  readonly meaning: string;
  readonly why: string;
  readonly minimum: Grade;
  readonly meetsMinimum: boolean;
}

/** Pure: the promise of a service, which is that of its weakest volume. */
export function gradeOf(volumes: readonly StrategyVolume[], minimum: Grade): ServiceGrade {
  const { grade, why } = computeGrade(volumes.map(({ strategy, volume }) => gradeEvidence(strategy, volume)));
  return { grade, meaning: GRADE_MEANINGS[grade], why, minimum, meetsMinimum: meetsGrade(grade, minimum) };
}

export interface ServiceBudget extends TimeBudget {
  /** The strategies' share of the margin. */
  readonly cutMs: number;
  /** The margin of a run: the file's, raised where the strategies' cut needs more. */
  readonly timing: LeaseTiming;
}

/** Pure: the lease's numbers as a run would have them. */
export function budgetOf(volumes: readonly StrategyVolume[], asked: LeaseTiming): ServiceBudget {
  const cutMs = volumes.reduce((sum, { strategy, volume }) => sum + strategy.capabilities(volume).cutMsMax, 0);
  const costs = { ...DEFAULT_LEASE_COSTS, cutMs };
  const { leaseMs, renewMs, stopBudgetMs, guardMs } = asked;
  const marginMs = Math.max(asked.marginMs, timeBudget(asked, costs).marginMsMin);
  const timing = { leaseMs, renewMs, stopBudgetMs, marginMs, guardMs };
  return { ...timeBudget(timing, costs), cutMs, timing };
}

/** A volume as it was seen; `problem` when its storage did not answer. */
export interface SeenVolume extends StrategyVolume {
  readonly observed: ObservedVolume | null;
  readonly problem: string | null;
}

export interface VolumeOutlook {
  readonly role: string;
  readonly strategy: string;
  readonly backend: string;
  readonly mountPath: string;
  readonly cut: string;
  readonly declaredLoss: string | null;
  readonly explanation: StorageExplanation;
  readonly placement: Placement | null;
  /** What the controller side would do for a takeover now; null when the storage did not answer. */
  readonly takeover: readonly StorageStep[] | { readonly wait: string } | null;
  readonly problem: string | null;
}

export interface Situation {
  /** The lease at present; null = no store was asked, or nobody ever held it. */
  readonly lease: LeaseRecord | null;
  readonly candidates: readonly QueueCandidate[];
  /** Agents that are known of: those that hold, wait or held. */
  readonly agents: readonly string[];
  /** Where an operator wants it; null = wherever it can. */
  readonly to: string | null;
}

/** The agent for which a takeover is thought through when nobody waits yet. */
const NEXT_AGENT = "(the next agent)";

/** Pure: where a takeover would go: as wished, where somebody waits, or where the storage says. */
export function nextAgent({ lease, candidates, to }: Situation, placements: readonly (Placement | null)[]): string {
  const other = candidates.find(({ agent }) => agent !== lease?.agent) ?? candidates[0];
  const placed = placements.flatMap((placement) => (placement?.kind === "agents" ? placement.agents : []));
  return to ?? other?.agent ?? placed[0] ?? NEXT_AGENT;
}

/** Pure: what each volume promises, and what a takeover would do if the present holder ended without a release. */
export function volumeOutlook(seen: SeenVolume, situation: Situation): VolumeOutlook {
  const { strategy, volume, observed, problem } = seen;
  const { backend, cut, declaredLoss } = strategy.capabilities(volume);
  const agents = situation.agents.map((id) => ({ id, reachable: true, spareMiB: null }));
  const placement = observed === null || agents.length === 0 ? null : strategy.placement(volume, observed, agents);
  return {
    ...{ role: volume.role, strategy: strategy.type, backend, mountPath: volume.mountPath, cut, declaredLoss },
    explanation: strategy.explain(volume),
    placement,
    takeover:
      observed === null ? null : takeoverSteps({ ...seen, observed }, situation, nextAgent(situation, [placement])),
    problem,
  };
}

function takeoverSteps(
  { strategy, volume, observed }: StrategyVolume & { readonly observed: ObservedVolume },
  situation: Situation,
  agent: string,
): VolumeOutlook["takeover"] {
  const former: readonly FormerHolder[] = situation.lease === null ? [] : formerOfRecord(situation.lease);
  const epoch = (situation.lease?.epoch ?? 0n) + 1n;
  const plan = strategy.plan(volume, observed, { agent, epoch, former });
  if (plan.kind === "wait") return { wait: plan.why };
  const { fences } = strategy.capabilities(volume);
  return completeSteps(plan.steps, { former, fences, agent });
}

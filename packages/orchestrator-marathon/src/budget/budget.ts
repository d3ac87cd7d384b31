import { HoldfastError, type LeaseCosts, type LeaseTiming, timeBudget } from "@holdfast/core";
import type { FailoverKind } from "../compile/failover.js";
import type { ClusterTiming } from "./cluster-timing.js";
import { sumMs, timesMs } from "./duration.js";

/** One term of a sum, as it is printed. */
export interface BudgetTerm {
  readonly ms: number;
  readonly what: string;
}

/** One fault, from its begin until the next run has the lease and the storage. */
export interface BudgetRow {
  readonly fault: string;
  /** The terms in the order in which they pass; empty where nothing is started. */
  readonly terms: readonly BudgetTerm[];
  /** The sum of the terms at worst; null = nothing is started until the agent is back. */
  readonly worstMs: number | null;
  readonly note: string;
}

export interface TakeoverInput {
  readonly failover: FailoverKind;
  readonly timing: LeaseTiming;
  readonly costs: LeaseCosts;
  readonly cluster: ClusterTiming;
  /** `exclusivity.attachTimeoutMs`: how long fence and attach may take before the run gives up. */
  readonly attachTimeoutMs: number;
  /** Longest delay before a start after failures: `maxLaunchDelaySeconds` of the definition. */
  readonly launchDelayMs: number;
  /** Fetching and starting the executable, as measured in this cluster; what is known of it is only an upper bound. */
  readonly launchMs: number;
}

/**
 * Pure: how long a service is away at worst, fault by fault, up to the moment at which the next run has its storage; the
 * engine's own start comes on top. A run that is started later waits for a whole lease, counted from when it first sees
 * the record: nobody else's clock is trusted (lease rule 3).
 * @throws `IMPOSSIBLE_BUDGET`: a number is no time, or the lease's own budget does not hold.
 */
export function takeoverBudget(input: TakeoverInput): readonly BudgetRow[] {
  const { timing, costs } = input;
  const lease = timeBudget(timing, costs);
  if (lease.problems.length > 0) {
    throw new HoldfastError("IMPOSSIBLE_BUDGET", `The lease's numbers do not hold: ${lease.problems.join("; ")}.`, {
      hint: "Correct spec.exclusivity as the message says.",
    });
  }
  const leaseTerm = { ms: Math.ceil(lease.takeoverMsMax), what: "your lease, as the next run counts it" };
  const attach = { ms: input.attachTimeoutMs, what: "fence and attach, at most (attachTimeoutMs)" };
  return [
    processFault(input),
    ...(input.failover === "replace" ? replacementRows(input, leaseTerm, attach) : []),
    ...(input.failover === "standby" ? standbyRows(timing, leaseTerm, attach) : []),
    ...(input.failover === "pinned" || input.failover === "resident" ? [waitingRow(input.cluster)] : []),
  ];
}

const row = (fault: string, terms: readonly BudgetTerm[], note: string): BudgetRow => ({
  fault,
  terms,
  worstMs: sumMs(...terms.map(({ ms }) => ms)),
  note,
});

/** The ordinary end: the guard sees it, cuts the storage and releases; nobody waits for the lease. */
function processFault({ timing, launchDelayMs, launchMs, failover }: TakeoverInput): BudgetRow {
  const stop = { ms: sumMs(timing.stopBudgetMs, timing.marginMs), what: "stop, cut and release, at most" };
  const note = "the lease is released: nobody waits for it";
  if (failover === "standby") return row("the application ends or is stopped", [stop, pollTerm(timing)], note);
  const start = [
    { ms: launchDelayMs, what: "delay after failures, at most (maxLaunchDelaySeconds)" },
    { ms: launchMs, what: "offer, fetch, start" },
  ];
  return row("the application ends or is stopped", [stop, ...start], note);
}

function pollTerm({ renewMs }: LeaseTiming): BudgetTerm {
  return { ms: renewMs, what: "the waiting run looks at the record" };
}

function replacementRows(
  { cluster, launchMs }: TakeoverInput,
  lease: BudgetTerm,
  attach: BudgetTerm,
): readonly BudgetRow[] {
  const start = { ms: launchMs, what: "offer, fetch, start of the replacement" };
  const after = [start, lease, attach];
  const lost = detectionTerms(cluster);
  const election = { ms: cluster.masterSessionMs, what: "another master is elected (zk_session_timeout)" };
  const reregister = { ms: cluster.agentReregisterTimeoutMs, what: "agent_reregister_timeout" };
  const leader = { ms: cluster.marathonSessionMs, what: "another Marathon leads (zk_session_timeout)" };
  const missed = {
    ms: cluster.reconciliationMs,
    what: "the status that was missed is asked for (reconciliation_interval)",
  };
  return [
    row(
      "the agent is lost, or cut off from the master",
      [...lost, ...after],
      "the old run stops itself at its deadline, whatever it can reach",
    ),
    row(
      "the agent and the leading master are lost together",
      [election, reregister, ...removal(cluster), ...after],
      "a new master waits for its agents first",
    ),
    row(
      "the agent and the leading Marathon are lost together",
      [...lost, leader, missed, ...after],
      "a status update may fall between the two leaders",
    ),
  ];
}

function detectionTerms(cluster: ClusterTiming): readonly BudgetTerm[] {
  const { agentPingTimeoutMs, agentPingsMax } = cluster;
  const what = `Mesos says unreachable (agent_ping_timeout ${agentPingTimeoutMs} ms x ${agentPingsMax})`;
  return [{ ms: timesMs(agentPingsMax, agentPingTimeoutMs), what }, ...removal(cluster)];
}

function removal({ agentRemovalMs }: ClusterTiming): readonly BudgetTerm[] {
  return agentRemovalMs === 0
    ? []
    : [{ ms: agentRemovalMs, what: "behind another lost agent (agent_removal_rate_limit)" }];
}

function standbyRows(timing: LeaseTiming, lease: BudgetTerm, attach: BudgetTerm): readonly BudgetRow[] {
  // Its timer runs from the last renewal that it saw, which it sees at most one poll late.
  const terms = [pollTerm(timing), lease, attach];
  return [
    row("the agent is lost, or cut off from everything", terms, "the standby needs neither Mesos nor Marathon"),
    row("the agent, the master and Marathon are lost together", terms, "the same: the store decides alone"),
  ];
}

function waitingRow(cluster: ClusterTiming): BudgetRow {
  const seen = sumMs(...detectionTerms(cluster).map(({ ms }) => ms));
  return {
    fault: "the agent is lost, or cut off from the master",
    terms: [],
    worstMs: null,
    note: `it is unreachable after ${secondsText(seen)} and the service waits for it: the data is there and nowhere else`,
  };
}

function secondsText(ms: number): string {
  return `${(ms / 1_000).toFixed(ms % 1_000 === 0 ? 0 : 1)} s`;
}

/** Pure: as people read it: `75 s … + 31.3 s … = 106.3 s`. */
export function budgetLines(rows: readonly BudgetRow[]): readonly string[] {
  return rows.flatMap(({ fault, terms, worstMs, note }) => [
    `${fault}: ${worstMs === null ? "no takeover" : `at most ${secondsText(worstMs)}`} (${note})`,
    ...terms.map(({ ms, what }, index) => `  ${index === 0 ? " " : "+"} ${secondsText(ms).padStart(9)}  ${what}`),
  ]);
}

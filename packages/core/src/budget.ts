/**
 * The time budget of a lease, and every instant that follows from it. All timing rules of the product live in
 * this file and in timing.ts, as arithmetic that a test can check.
 */

/** The numbers an operator may choose. Milliseconds. */
export interface LeaseTiming {
  /** How long a grant lasts without renewal. Fixed for a run. */
  readonly leaseMs: number;
  /** Time between renewals. */
  readonly renewMs: number;
  /** From the stop signal to the last process gone. */
  readonly stopBudgetMs: number;
  /** Reserve for kill, cut and clock rate error. */
  readonly marginMs: number;
  /** What a candidate waits beyond the lease. */
  readonly guardMs: number;
}

/** Properties of the machine and the strategy that the margin must cover. */
export interface LeaseCosts {
  /** From SIGKILL until the last process of the tree is gone; 23 ms were measured for 500 processes. */
  readonly killMs: number;
  /** How long the strategy needs to cut what still holds unwritten data, once the tree is gone. */
  readonly cutMs: number;
  /**
   * Largest error of a clock's *rate*. 1/12 is chrony's default `maxslewrate`, the fastest that a healthy
   * Linux clock is slewed.
   */
  readonly clockRateError: number;
}

export const DEFAULT_LEASE_TIMING: LeaseTiming = {
  leaseMs: 30_000,
  renewMs: 3_000,
  stopBudgetMs: 10_000,
  marginMs: 4_500,
  guardMs: 500,
};
export const DEFAULT_LEASE_COSTS: LeaseCosts = { killMs: 250, cutMs: 0, clockRateError: 1 / 12 };

/** A candidate waits this share of the record's lease, plus guardMs. */
export const CANDIDATE_LEASE_FACTOR = 1.01;

export interface BudgetTerm {
  readonly name: "renewMs" | "silenceMs" | "replyMs" | "stopBudgetMs" | "marginMs";
  readonly valueMs: number;
  readonly meaning: string;
}

export interface TimeBudget {
  readonly terms: readonly BudgetTerm[];
  readonly sumMs: number;
  /** leaseMs minus the sum; negative = impossible. */
  readonly slackMs: number;
  /** A server that says nothing for this long is left for another. */
  readonly silenceMs: number;
  /** Time allowed for the reply of a healthy server. */
  readonly replyMs: number;
  /** A cut, a stall or a restart of the store shorter than this leaves the application alone, guaranteed. */
  readonly rideOutMs: number;
  /** Smallest margin that keeps an old holder's end before a successor's start at the allowed clock error. */
  readonly marginMsMin: number;
  /** Fault to successor, worst case: lease, allowance, and half a second for the takeover itself. */
  readonly takeoverMsMax: number;
  /** What is wrong, in words; empty when the budget holds. */
  readonly problems: readonly string[];
}

const seconds = (ms: number) => `${ms.toLocaleString("en-US")} ms`;

/**
 * Checks a lease's numbers against each other and says what follows from them.
 * Never throws: a caller that needs a refusal looks at `problems`, each of which names the number to change.
 */
export function timeBudget(timing: LeaseTiming, costs: LeaseCosts = DEFAULT_LEASE_COSTS): TimeBudget {
  const { leaseMs, renewMs, stopBudgetMs, marginMs, guardMs } = timing;
  const silenceMs = Math.max(1_000, leaseMs / 5);
  const replyMs = Math.min(1_000, leaseMs / 10);
  const terms: readonly BudgetTerm[] = [
    { name: "renewMs", valueMs: renewMs, meaning: "a renewal may have just been missed" },
    { name: "silenceMs", valueMs: silenceMs, meaning: "a silent server is noticed and left" },
    { name: "replyMs", valueMs: replyMs, meaning: "the next server answers" },
    { name: "stopBudgetMs", valueMs: stopBudgetMs, meaning: "the application stops cleanly" },
    { name: "marginMs", valueMs: marginMs, meaning: "kill, cut and clock error" },
  ];
  const sumMs = terms.reduce((sum, term) => sum + term.valueMs, 0);
  const slackMs = leaseMs - sumMs;
  const marginMsMin = smallestMarginMs(timing, costs);

  const problems: string[] = [];
  // By name: callers pass objects that hold more than these numbers.
  for (const [name, value] of Object.entries({ leaseMs, renewMs, stopBudgetMs, marginMs, guardMs })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      problems.push(`${name} must be a whole number of milliseconds, not ${value}`);
    }
  }
  if (slackMs < 0) {
    const sum = terms.map((term) => `${term.name} ${term.valueMs}`).join(" + ");
    problems.push(
      `${sum} = ${sumMs} exceeds leaseMs ${leaseMs} by ${seconds(-slackMs)}: raise leaseMs or lower stopBudgetMs`,
    );
  }
  if (renewMs > leaseMs / 4) problems.push(`renewMs ${renewMs} must be at most a quarter of leaseMs (${leaseMs / 4})`);
  if (renewMs < 50) problems.push(`renewMs ${renewMs} is below 50, which only loads the store`);
  if (marginMs < marginMsMin) {
    problems.push(
      `marginMs ${marginMs} is below ${marginMsMin}: kill ${costs.killMs} + cut ${costs.cutMs} + clock rate error ` +
        `${(costs.clockRateError * 100).toFixed(1)} % of leaseMs ${leaseMs} must fit before a successor's ` +
        `${CANDIDATE_LEASE_FACTOR} x leaseMs + guardMs ${guardMs}`,
    );
  }
  return {
    terms,
    sumMs,
    slackMs,
    silenceMs,
    replyMs,
    rideOutMs: leaseMs - stopBudgetMs - marginMs - renewMs - replyMs,
    marginMsMin,
    takeoverMsMax: leaseMs * CANDIDATE_LEASE_FACTOR + guardMs + 500,
    problems,
  };
}

/**
 * Lease rule 5, solved for the margin:
 * `(leaseMs − marginMs + killMs + cutMs)/(1 − ρ) ≤ (1.01 × leaseMs + guardMs)/(1 + ρ)`.
 * The left side is how long the slowest holder's clock may let it write, the right side how soon the fastest
 * candidate's clock lets it start.
 */
function smallestMarginMs(timing: LeaseTiming, costs: LeaseCosts): number {
  const rho = costs.clockRateError;
  const candidateMs = timing.leaseMs * CANDIDATE_LEASE_FACTOR + timing.guardMs;
  return Math.ceil(timing.leaseMs + costs.killMs + costs.cutMs - (candidateMs * (1 - rho)) / (1 + rho));
}

/** The budget as a person reads it: each term, the sum, and what is wrong. */
export function explainTimeBudget(timing: LeaseTiming, costs: LeaseCosts = DEFAULT_LEASE_COSTS): string {
  const budget = timeBudget(timing, costs);
  const lines = budget.terms.map((t) => `  ${t.name.padEnd(13)} ${String(t.valueMs).padStart(8)}  ${t.meaning}`);
  const verdict = budget.problems.length === 0 ? `slack ${budget.slackMs} ms` : budget.problems.join("; ");
  return [
    ...lines,
    `  ${"sum".padEnd(13)} ${String(budget.sumMs).padStart(8)}  of leaseMs ${timing.leaseMs}: ${verdict}`,
  ].join("\n");
}

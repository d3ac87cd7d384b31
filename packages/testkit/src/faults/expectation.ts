import type { Verdict } from "../judge/judge.js";
import type { FaultProfile } from "./profile.js";

/** What must come of a fault; one writer and nothing lost is demanded of every row besides. */
export type Expectation =
  /** The same run writes on. */
  | { readonly kind: "undisturbed" }
  /** The fault met a start: one run writes in the end. */
  | { readonly kind: "started" }
  /** Another run takes over, so soon after a moment. */
  | { readonly kind: "takeover"; readonly within: Bound; readonly after: Moment; readonly runs?: number }
  /** The run ends and nobody writes until the row's own next step, which must then bring a successor. */
  | { readonly kind: "stopped-then-takeover"; readonly within: Bound; readonly after: Moment; readonly runs?: number }
  /** Nobody writes any more. */
  | { readonly kind: "stopped" };

export type Bound = "fast" | "lease";

/** `tree-gone`: the last process of the holder's tree; `healed`: the fault's end, or what a person did about it. */
export type Moment = "fault" | "tree-gone" | "healed";

/** What a row saw, beside the writers' logs. */
export interface RowFacts {
  readonly moments: Partial<Readonly<Record<Moment, number>>> & { readonly fault: number };
  /** The holder's exit code, or signal; undefined = it ran on. */
  readonly holderExit: number | string | undefined;
}

export interface RowOutcome {
  /** The number that the expectation is about: takeover or longest pause. Milliseconds. */
  readonly measuredMs: number | null;
  readonly boundMs: number | null;
  readonly problems: readonly string[];
}

/** A run that is left alone writes every 10 ms; a pause of this length is already somebody's restart. */
const PAUSE_MS_MAX = 500;

/** Pure: does the evidence show what was expected? */
export function checkRow(
  expected: Expectation,
  expectedExit: readonly (number | string)[] | undefined,
  facts: RowFacts,
  verdict: Verdict,
  profile: FaultProfile,
): RowOutcome {
  const problems = [...verdict.breaches];
  if (expectedExit !== undefined && !expectedExit.includes(facts.holderExit ?? "none"))
    problems.push(`the holder ended with ${facts.holderExit ?? "nothing"}, expected ${expectedExit.join(" or ")}`);
  const measure = measureRow(expected, facts, verdict, profile);
  return { ...measure, problems: [...problems, ...measure.problems] };
}

function measureRow(expected: Expectation, facts: RowFacts, verdict: Verdict, profile: FaultProfile): RowOutcome {
  const problems: string[] = [];
  const [holder, successor] = verdict.runs;
  if (holder === undefined) return { measuredMs: null, boundMs: null, problems: ["nobody ever wrote"] };
  const before = holder.acknowledged - holder.acknowledgedAfterFault;
  if (before < profile.writesBefore && expected.kind !== "started")
    problems.push(`only ${before} acknowledged writes before the fault`);
  const wanted = runsExpected(expected);
  if (verdict.runs.length !== wanted) {
    const epochs = verdict.runs.map((run) => run.epoch).join(", ");
    problems.push(`${verdict.runs.length} runs wrote, expected ${wanted}: epochs ${epochs}`);
  }

  if (expected.kind === "stopped") return { measuredMs: null, boundMs: null, problems };
  // Where many take turns all of them count; else the one who writes in the end.
  const after = wanted > 2 ? verdict.acknowledgedAfterFault : (verdict.runs[wanted - 1]?.acknowledgedAfterFault ?? 0);
  if (after < profile.writesAfter) problems.push(`only ${after} acknowledged writes after the fault`);
  if (expected.kind === "undisturbed") {
    if (holder.longestGapMs > PAUSE_MS_MAX + profile.noiseMs)
      problems.push(`a pause of ${holder.longestGapMs.toFixed(0)} ms`);
    return { measuredMs: holder.longestGapMs, boundMs: PAUSE_MS_MAX, problems };
  }
  if (expected.kind === "started") return { measuredMs: holder.firstMs - facts.moments.fault, boundMs: null, problems };
  const from = facts.moments[expected.after];
  const boundMs = expected.within === "fast" ? profile.fastTakeoverMs : profile.leaseTakeoverMs;
  if (successor === undefined) return { measuredMs: null, boundMs, problems };
  if (from === undefined)
    return { measuredMs: null, boundMs, problems: [...problems, `the moment "${expected.after}" was never seen`] };
  const measuredMs = successor.firstMs - from;
  if (measuredMs > boundMs + profile.noiseMs)
    problems.push(
      `the successor's first write came ${measuredMs.toFixed(0)} ms after ${expected.after}, bound ${boundMs} + ${profile.noiseMs}`,
    );
  if (expected.kind === "stopped-then-takeover" && measuredMs < 0)
    problems.push(`a successor wrote ${(-measuredMs).toFixed(0)} ms before ${expected.after}`);
  return { measuredMs, boundMs, problems };
}

function runsExpected(expected: Expectation): number {
  return "after" in expected ? (expected.runs ?? 2) : 1;
}

export function describeExpectation(expected: Expectation, profile: FaultProfile): string {
  switch (expected.kind) {
    case "undisturbed":
      return `left alone (pause ≤ ${PAUSE_MS_MAX} ms)`;
    case "started":
      return "one run starts";
    case "stopped":
      return "stops; nobody writes";
    case "takeover":
    case "stopped-then-takeover": {
      const boundMs = expected.within === "fast" ? profile.fastTakeoverMs : profile.leaseTakeoverMs;
      const moment = { fault: "the fault", "tree-gone": "the tree is gone", healed: "the repair" }[expected.after];
      const first = expected.kind === "takeover" ? "" : "stops, nobody writes before the repair; ";
      return `${first}successor ≤ ${boundMs} ms after ${moment}`;
    }
  }
}

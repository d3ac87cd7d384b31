import { describe, expect, test } from "vitest";
import type { RunSummary, Verdict } from "../judge/judge.js";
import { checkRow, describeExpectation } from "./expectation.js";
import { faultProfile } from "./profile.js";

const profile = faultProfile(3_000, { before: 30, after: 100 });
const FAULT = 10_000;

function run(epoch: bigint, firstMs: number, lastMs: number, more: Partial<RunSummary> = {}): RunSummary {
  return {
    epoch,
    run: `run-${epoch}`,
    firstMs,
    lastMs,
    acknowledged: 500,
    acknowledgedAfterFault: firstMs > FAULT ? 500 : 0,
    longestGapMs: 12,
    ...more,
  };
}

function verdict(...runs: RunSummary[]): Verdict {
  return { runs, successions: [], overlapMs: 0, acknowledged: 0, acknowledgedAfterFault: 0, lost: 0, breaches: [] };
}

const facts = { moments: { fault: FAULT, "tree-gone": 10_020 }, holderExit: 80 };
const fast = { kind: "takeover", within: "fast", after: "tree-gone" } as const;

describe("checkRow", () => {
  test("accepts a takeover within its bound, measured from the moment that was named", () => {
    const outcome = checkRow(fast, [80], facts, verdict(run(1n, 0, 10_010), run(2n, 10_150, 12_000)), profile);
    expect(outcome).toEqual({ measuredMs: 130, boundMs: 200, problems: [] });
  });

  test("refuses a takeover that came late", () => {
    const outcome = checkRow(fast, [80], facts, verdict(run(1n, 0, 10_010), run(2n, 11_050, 13_000)), profile);
    expect(outcome.problems).toEqual([expect.stringContaining("1030 ms after tree-gone, bound 200 + 800")]);
  });

  test("refuses a takeover from a moment that was never seen, a missing successor, and a third run", () => {
    const unseen = checkRow(
      { ...fast, after: "healed" },
      undefined,
      facts,
      verdict(run(1n, 0, 10_010), run(2n, 10_100, 12_000)),
      profile,
    );
    expect(unseen.problems).toEqual(['the moment "healed" was never seen']);
    const nobody = checkRow(fast, undefined, facts, verdict(run(1n, 0, 10_010)), profile);
    expect(nobody.problems.join("\n")).toContain("1 runs wrote, expected 2");
    const third = checkRow(
      fast,
      undefined,
      facts,
      verdict(run(1n, 0, 10_010), run(2n, 10_100, 12_000), run(3n, 12_100, 13_000)),
      profile,
    );
    expect(third.problems).toEqual(["3 runs wrote, expected 2: epochs 1, 2, 3"]);
  });

  test("refuses a row that proves nothing: too few writes before or after the fault", () => {
    const few = run(2n, 10_100, 12_000, { acknowledgedAfterFault: 99 });
    expect(checkRow(fast, undefined, facts, verdict(run(1n, 0, 10_010), few), profile).problems).toEqual([
      "only 99 acknowledged writes after the fault",
    ]);
    const early = run(1n, 0, 10_010, { acknowledged: 29 });
    expect(checkRow(fast, undefined, facts, verdict(early, run(2n, 10_100, 12_000)), profile).problems).toEqual([
      "only 29 acknowledged writes before the fault",
    ]);
  });

  test("refuses another exit code than the one named", () => {
    const outcome = checkRow(fast, [0], facts, verdict(run(1n, 0, 10_010), run(2n, 10_100, 12_000)), profile);
    expect(outcome.problems).toEqual(["the holder ended with 80, expected 0"]);
  });

  test("takes every breach of the judge as a problem", () => {
    const broken = { ...verdict(run(1n, 0, 10_010), run(2n, 10_100, 12_000)), breaches: ["two writers"] };
    expect(checkRow(fast, undefined, facts, broken, profile).problems).toEqual(["two writers"]);
  });

  test("left alone means the same run without a pause", () => {
    const calm = run(1n, 0, 20_000, { acknowledgedAfterFault: 400 });
    expect(checkRow({ kind: "undisturbed" }, undefined, facts, verdict(calm), profile).problems).toEqual([]);
    const paused = checkRow(
      { kind: "undisturbed" },
      undefined,
      facts,
      verdict({ ...calm, longestGapMs: 1_400 }),
      profile,
    );
    expect(paused.problems).toEqual(["a pause of 1400 ms"]);
    const replaced = checkRow(
      { kind: "undisturbed" },
      undefined,
      facts,
      verdict(calm, run(2n, 21_000, 22_000)),
      profile,
    );
    expect(replaced.problems.join("\n")).toContain("2 runs wrote, expected 1");
  });

  test("nobody may write between the end of a run and the repair", () => {
    const expected = { kind: "stopped-then-takeover", within: "lease", after: "healed" } as const;
    const moments = { moments: { fault: FAULT, healed: 15_000 }, holderExit: 80 };
    const outcome = checkRow(
      expected,
      undefined,
      moments,
      verdict(run(1n, 0, 10_010), run(2n, 14_900, 17_000)),
      profile,
    );
    expect(outcome.problems).toEqual(["a successor wrote 100 ms before healed"]);
  });

  test("every expectation has words", () => {
    expect(describeExpectation(fast, profile)).toBe("successor ≤ 200 ms after the tree is gone");
    expect(describeExpectation({ kind: "stopped" }, profile)).toBe("stops; nobody writes");
  });
});

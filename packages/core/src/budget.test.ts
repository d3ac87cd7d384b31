import fc from "fast-check";
import { expect, test } from "vitest";
import {
  CANDIDATE_LEASE_FACTOR,
  DEFAULT_LEASE_COSTS,
  DEFAULT_LEASE_TIMING,
  explainTimeBudget,
  type LeaseCosts,
  type LeaseTiming,
  timeBudget,
} from "./budget.js";
import { cutDeadline, stopDeadline, takeoverNotBeforeMs } from "./timing.js";

const timingArbitrary: fc.Arbitrary<LeaseTiming> = fc.record({
  leaseMs: fc.integer({ min: 2_000, max: 300_000 }),
  renewMs: fc.integer({ min: 50, max: 80_000 }),
  stopBudgetMs: fc.integer({ min: 0, max: 200_000 }),
  marginMs: fc.integer({ min: 250, max: 100_000 }),
  guardMs: fc.integer({ min: 100, max: 10_000 }),
});
const costsArbitrary: fc.Arbitrary<LeaseCosts> = fc.record({
  killMs: fc.integer({ min: 0, max: 2_000 }),
  cutMs: fc.integer({ min: 0, max: 5_000 }),
  clockRateError: fc.constantFrom(0, 0.001, 1 / 12),
});

test("the defaults satisfy their own budget", () => {
  expect(timeBudget(DEFAULT_LEASE_TIMING)).toMatchObject({
    problems: [],
    slackMs: 5_500,
    silenceMs: 6_000,
    replyMs: 1_000,
    rideOutMs: 11_500,
    takeoverMsMax: 31_300,
  });
});

test("a budget without problems keeps every holder's end before every successor's start", () => {
  fc.assert(
    fc.property(
      timingArbitrary,
      costsArbitrary,
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      (timing, costs, a, b) => {
        if (timeBudget(timing, costs).problems.length > 0) return;
        const holderRate = 1 + a * costs.clockRateError;
        const candidateRate = 1 + b * costs.clockRateError;
        // True time: the write is sent at 0 and seen, at the earliest, at 0.
        const endsAt = (cutDeadline({ monoMs: 0, bootMs: 0 }, timing).monoMs + costs.killMs + costs.cutMs) / holderRate;
        const startsAt = takeoverNotBeforeMs(0, timing.leaseMs, timing, 0) / candidateRate;
        expect(endsAt).toBeLessThanOrEqual(startsAt + 1e-6);
      },
    ),
    { numRuns: 5_000 },
  );
});

test("a budget without problems leaves time to notice a silent server, to move, and to stop cleanly", () => {
  fc.assert(
    fc.property(timingArbitrary, (timing) => {
      const budget = timeBudget(timing);
      if (budget.problems.length > 0) return;
      const at = stopDeadline({ monoMs: 0, bootMs: 0 }, timing).monoMs;
      expect(timing.renewMs + budget.silenceMs + budget.replyMs).toBeLessThanOrEqual(at);
      expect(budget.rideOutMs).toBeGreaterThanOrEqual(budget.silenceMs);
    }),
    { numRuns: 5_000 },
  );
});

test("one millisecond less margin than the smallest is refused, the smallest is not", () => {
  fc.assert(
    fc.property(timingArbitrary, costsArbitrary, (timing, costs) => {
      const marginMs = timeBudget(timing, costs).marginMsMin;
      fc.pre(marginMs > 0);
      const about = (problems: readonly string[]) => problems.filter((p) => p.startsWith("marginMs"));
      expect(about(timeBudget({ ...timing, marginMs }, costs).problems)).toEqual([]);
      expect(about(timeBudget({ ...timing, marginMs: marginMs - 1 }, costs).problems)).toHaveLength(1);
    }),
  );
});

test("an impossible budget names every term", () => {
  const timing = { ...DEFAULT_LEASE_TIMING, stopBudgetMs: 20_000 };
  const [problem] = timeBudget(timing).problems;
  for (const name of ["renewMs", "silenceMs", "replyMs", "stopBudgetMs 20000", "marginMs", "leaseMs 30000"]) {
    expect(problem).toContain(name);
    expect(explainTimeBudget(timing)).toContain(name.split(" ")[0]);
  }
});

test("the candidate's wait is one per cent and the guard time beyond the record's lease", () => {
  expect(takeoverNotBeforeMs(100, 30_000, DEFAULT_LEASE_TIMING, 2)).toBe(
    100 + 30_000 * CANDIDATE_LEASE_FACTOR + 500 + 6_000,
  );
  expect(DEFAULT_LEASE_COSTS.clockRateError).toBeCloseTo(1 / 12);
});

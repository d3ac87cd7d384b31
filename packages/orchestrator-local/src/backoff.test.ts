import { expect, test } from "vitest";
import { afterFailure, type BackoffState, NO_BACKOFF } from "./backoff.js";

const marathon = { firstMs: 1_000, factor: 1.15, maxMs: 300_000 };

function delays(count: number): number[] {
  let state: BackoffState = NO_BACKOFF;
  let nowMs = 0;
  return Array.from({ length: count }, () => {
    state = afterFailure(state, marathon, nowMs);
    const delayMs = state.notBeforeMs - nowMs;
    nowMs = state.notBeforeMs;
    return delayMs;
  });
}

test("grows from the first delay by the factor", () => {
  expect(delays(4).map(Math.round)).toEqual([1_000, 1_150, 1_323, 1_521]);
});

test("never exceeds the limit", () => {
  expect(delays(60).at(-1)).toBe(300_000);
});

test("starts again after a time without failure", () => {
  const third = [0, 1, 2].reduce((state) => afterFailure(state, marathon, 0), NO_BACKOFF);
  expect(afterFailure(third, marathon, 300_001)).toEqual({
    failures: 1,
    notBeforeMs: 301_001,
    lastFailureMs: 300_001,
  });
});

// @ts-check
import { describe, expect, test } from "vitest";
import { countPart, summarize } from "./ci-summary.mjs";

const report = { numPassedTests: 7, numFailedTests: 0, numPendingTests: 2, testResults: [] };

describe("a part", () => {
  test("counts as one without a report", () => {
    expect(countPart(0, undefined, "")).toEqual({ passed: 1, failed: 0, skipped: 0 });
    expect(countPart(3, undefined, "")).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  test("counts with the last sum that it printed", () => {
    expect(countPart(0, undefined, "ok a\n31 passed, 0 failed\n")).toEqual({ passed: 31, failed: 0, skipped: 0 });
    expect(countPart(1, undefined, "31 passed, 2 failed\n")).toEqual({ passed: 31, failed: 2, skipped: 0 });
    expect(countPart(1, undefined, "31 passed, 0 failed\n").failed).toBe(1);
    expect(countPart(1, undefined, "3 passed, 0 failed\n31 passed, 2 failed\nthe script ended with 1\n").failed).toBe(
      2,
    );
  });

  test("counts with its tests when it left a report", () => {
    expect(countPart(0, report, "")).toEqual({ passed: 7, failed: 0, skipped: 2 });
    expect(countPart(1, { ...report, numFailedTests: 3 }, "")).toEqual({ passed: 7, failed: 3, skipped: 2 });
  });

  test("has failed when it ended with an error although no test did", () => {
    expect(countPart(124, report, "").failed).toBe(1);
  });

  test("has failed once per file that could not be loaded", () => {
    const testResults = [
      { name: "a", status: "failed", assertionResults: [] },
      { name: "b", status: "failed", assertionResults: [{}] },
      { name: "c", status: "passed", assertionResults: [] },
    ];
    expect(countPart(1, { ...report, numFailedTests: 1, testResults }, "").failed).toBe(2);
  });
});

test("the last line is the sum", () => {
  const counts = { passed: 7, failed: 0, skipped: 2 };
  const { text, failed } = summarize([
    { name: "test", exitCode: 0, seconds: 61, counts },
    { name: "demo", exitCode: 1, seconds: 9, counts: { passed: 0, failed: 1, skipped: 0 } },
  ]);
  expect(text.split("\n").at(-1)).toBe("7 passed, 1 failed");
  expect(text).toContain("FAILED  demo");
  expect(text).toContain("2 not run");
  expect(text).toContain("in 1 min 10 s");
  expect(failed).toBe(1);
});

// @ts-check
import { describe, expect, test } from "vitest";
import { countPart, failuresOf, summarize } from "./ci-summary.mjs";

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

describe("what failed is told again at the end", () => {
  test("by test, and by file when a hook or the file itself failed", () => {
    const testResults = [
      {
        ...{ name: "/a/lock.test.ts", status: "failed" },
        assertionResults: [
          { fullName: "waits", status: "passed" },
          { fullName: "lets go", status: "failed", failureMessages: ["Error: late\n1\n2\n3\n4\n5"] },
        ],
      },
      { name: "/a/vm.test.ts", status: "failed", message: "no kernel", assertionResults: [{ status: "skipped" }] },
      { name: "/a/fine.test.ts", status: "passed", assertionResults: [{ status: "passed" }] },
    ];
    expect(failuresOf(1, { ...report, testResults }, "")).toEqual([
      "  lock.test.ts: lets go\n    Error: late\n    1\n    2\n    3",
      "  vm.test.ts: no kernel",
    ]);
  });

  test("by its last lines when it left no report, or one that blames nobody", () => {
    const output = Array.from({ length: 30 }, (_, index) => `line ${index}`).join("\n");
    expect(failuresOf(1, undefined, output)).toHaveLength(20);
    expect(failuresOf(124, report, output).at(-1)).toBe("  | line 29");
    expect(failuresOf(0, undefined, output)).toEqual([]);
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

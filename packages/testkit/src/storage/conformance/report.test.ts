import { expect, test } from "vitest";
import { LEVELS } from "./case.js";
import { type CaseReport, proveGrade } from "./report.js";

const LATE = "L4/I4-late-write-is-absent";

const passed: CaseReport[] = [...LEVELS.map((level) => `${level}/I1-x`), LATE].map((id) => ({
  id,
  level: id.slice(0, 2) as CaseReport["level"],
  invariant: "I1",
  title: "",
  result: "passed",
  why: null,
  tookMs: 1,
  measured: {},
  facts: [],
}));

const changed = (id: string, change: Partial<CaseReport>) =>
  passed.map((seen) => (seen.id === id ? { ...seen, ...change } : seen));

test("what passes everything proves the grade that it declares, and no higher one", () => {
  expect(proveGrade(passed, "storage-fenced").grade).toBe("storage-fenced");
  expect(proveGrade(passed, "agent-fenced").grade).toBe("agent-fenced");
  expect(proveGrade(passed, "lease-only").grade).toBe("lease-only");
  expect(proveGrade(passed, "none").grade).toBe("none");
});

test("one failed case proves nothing, and is named", () => {
  const { grade, why } = proveGrade(changed("L1/I1-x", { result: "failed" }), "storage-fenced");
  expect(grade).toBe("none");
  expect(why).toContain("L1/I1-x");
});

test("a late write that was seen leaves the lease", () => {
  const { grade, why } = proveGrade(changed(LATE, { result: "reported", why: "it was there" }), "lease-only");
  expect(grade).toBe("lease-only");
  expect(why).toContain("it was there");
});

test("a level that was not tried, or the late write alone, is no proof of a fence", () => {
  expect(proveGrade(passed.slice(1), "storage-fenced")).toEqual({ grade: "none", why: "not tried: L0" });
  expect(proveGrade(changed(LATE, { result: "skipped", why: "no" }), "storage-fenced").grade).toBe("none");
  expect(proveGrade(changed(LATE, { result: "skipped", why: "no" }), "lease-only").grade).toBe("lease-only");
});

import { GRADES, type Grade, gradeSchema } from "@holdfast/core";
import * as z from "zod";
import { INVARIANTS, LEVELS } from "./case.js";

/**
 * How a case ended. `reported`: it was not kept, and the declared grade does not promise it; the grade says why.
 */
const CASE_RESULTS = ["passed", "failed", "skipped", "reported"] as const;

export const caseReportSchema = z.strictObject({
  id: z.string(),
  level: z.enum(LEVELS),
  invariant: z.enum(Object.keys(INVARIANTS) as (keyof typeof INVARIANTS)[]),
  title: z.string(),
  result: z.enum(CASE_RESULTS),
  /** Why not `passed`; for a skipped one the declaration. */
  why: z.string().nullable(),
  tookMs: z.number(),
  /** Milliseconds, and counts, by name. */
  measured: z.record(z.string(), z.number()),
  facts: z.array(z.string()),
});
export type CaseReport = z.output<typeof caseReportSchema>;

/** One strategy on one backend: the content of `conformance.json`. */
export const conformanceReportSchema = z.strictObject({
  v: z.literal(1),
  strategy: z.string(),
  /** Where it was loaded from: name and version of its package, when it has one. */
  package: z.strictObject({ name: z.string(), version: z.string() }).nullable(),
  backend: z.string(),
  server: z.string(),
  at: z.iso.datetime(),
  mode: z.enum(["quick", "full"]),
  versions: z.strictObject({ testkit: z.string(), node: z.string(), kernel: z.string() }),
  declaredGrade: gradeSchema,
  proven: z.strictObject({ grade: gradeSchema, why: z.string() }),
  cases: z.array(caseReportSchema),
});
export type ConformanceReport = z.output<typeof conformanceReportSchema>;

const LATE_WRITE = "L4/I4-late-write-is-absent";

/**
 * Pure: what the cases prove, whatever was declared. `storage-fenced` is the late write that is not there; any failed
 * case takes failover away, because nobody knows what else it breaks.
 */
export function proveGrade(
  cases: readonly Pick<CaseReport, "id" | "result" | "why" | "level" | "facts">[],
  declared: Grade,
): { grade: Grade; why: string } {
  const failed = cases.filter(({ result }) => result === "failed").map(({ id }) => id);
  if (failed.length > 0) return { grade: "none", why: `failed: ${failed.join(", ")}` };
  const missing = LEVELS.filter((level) => !cases.some((seen) => seen.level === level && seen.result !== "skipped"));
  if (missing.length > 0) return { grade: "none", why: `not tried: ${missing.join(", ")}` };
  if (declared === "none") return { grade: "none", why: "no failover is declared" };
  const late = cases.find(({ id }) => id === LATE_WRITE);
  switch (late?.result) {
    case "passed":
      if (declared !== "lease-only") {
        return { grade: declared, why: `a former holder's late write is not there: ${late.facts.join("; ")}` };
      }
      return { grade: "lease-only", why: "a late write was not seen, but nothing is declared that keeps it out" };
    case "reported":
      return { grade: "lease-only", why: `late write: ${late.why}` };
    default:
      return {
        grade: declared === "lease-only" ? "lease-only" : "none",
        why: late?.why ?? "the late write was not tried",
      };
  }
}

/** Worst first, for a table: how a level of a report went. */
export function levelResult(report: ConformanceReport, level: (typeof LEVELS)[number]): string {
  const cases = report.cases.filter((seen) => seen.level === level);
  const count = (result: CaseReport["result"]) => cases.filter((seen) => seen.result === result).length;
  const parts = [`${count("passed")} passed`];
  for (const result of ["failed", "reported", "skipped"] as const) {
    if (count(result) > 0) parts.push(`${count(result)} ${result}`);
  }
  return cases.length === 0 ? "not run" : parts.join(", ");
}

/** The file `conformance.json`. */
export const formatReport = (report: ConformanceReport) => `${JSON.stringify(report, null, 2)}\n`;

export const isFenced = (grade: Grade) => GRADES.indexOf(grade) > GRADES.indexOf("lease-only");

import { expect, test } from "vitest";
import { faultProfile } from "./profile.js";
import type { RowResult } from "./row.js";
import { renderFaultTable, whyVoid } from "./table.js";

const row: RowResult = {
  name: "kill -9 of the guard",
  group: "the guard alone",
  wrapper: "holdfast",
  store: "directory",
  fault: "guard 12 Z",
  expected: "successor ≤ 200 ms after the tree is gone",
  measuredMs: 91.2,
  overlapMs: 0,
  downtimeMs: 99.4,
  acknowledged: 1_234,
  acknowledgedAfterFault: 1_001,
  lost: 0,
  holderExit: "SIGKILL",
  problems: [],
};
const control: RowResult = {
  ...row,
  name: "control",
  wrapper: "naive",
  group: "control",
  overlapMs: 540.6,
  downtimeMs: -540.6,
};
const table = {
  date: "2026-01-02",
  versions: { Node: "v20", kernel: "6.1" },
  profile: faultProfile(10_000, { before: 100, after: 1_000 }),
};

test("says what was measured, and that the control had two writers", () => {
  const text = renderFaultTable({ ...table, results: [control, row] });
  expect(text).toContain("1 rows, 0 failed. Longest overlap of two writers: 0 ms.");
  expect(text).toContain("Date 2026-01-02. Node v20, kernel 6.1.");
  expect(text).toContain("## The guard alone");
  expect(text).toContain("| 91 ms | 0 ms | 99 ms | 1234, 1001 | 0 | SIGKILL | passed |");
  expect(text).toContain("| 541 ms | 0 ms | 1234, 1001 | 0 | SIGKILL | two writers |");
});

test("is void without a control that shows two writers", () => {
  expect(whyVoid([row])).toEqual(["no control row was played"]);
  expect(whyVoid([row, { ...control, overlapMs: 0 }])).toEqual(["control [directory] shows no overlap"]);
  expect(whyVoid([row, control])).toEqual([]);
  expect(renderFaultTable({ ...table, results: [row] })).toContain("**Void**: no control row was played.");
});

test("does not hide a failed row", () => {
  const text = renderFaultTable({
    ...table,
    results: [control, { ...row, overlapMs: 12.3, problems: ["two | writers"] }],
  });
  expect(text).toContain("1 rows, 1 failed. Longest overlap of two writers: 12 ms.");
  expect(text).toContain("**failed**: two \\| writers");
});

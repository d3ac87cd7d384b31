import { expect, test } from "vitest";
import type { FaultRow } from "./judge.js";
import { formatTable } from "./table.js";
import { formatEntry } from "./timeline.js";

const row: FaultRow = {
  name: "agent cut off",
  oldEpoch: 6n,
  newEpoch: 7n,
  oldAgent: "agent-2",
  newAgent: "agent-1",
  oldLastMs: 2_431.4,
  newFirstMs: 4_905.2,
  overlapMs: 0,
  acknowledged: 1_240,
  lost: 0,
  downtimeMs: 2_475.1,
};

test("the table has one line per fault under a heading, in columns", () => {
  const none = { ...row, newEpoch: null, newAgent: null, newFirstMs: null, downtimeMs: null, oldLastMs: -12 };
  expect(formatTable({ rows: [row, { ...none, name: "agent killed", lost: 3 }] }).join("\n")).toMatchInlineSnapshot(`
    "fault          holder             epoch     old writer's last write  new writer's first  overlap  acknowledged  lost  downtime
    ─────────────  ─────────────────  ────────  ───────────────────────  ──────────────────  ───────  ────────────  ────  ────────
    agent cut off  agent-2 → agent-1  6 → 7                   +2,431 ms           +4,905 ms     0 ms         1,240     0  2,475 ms
    agent killed   agent-2 → none     6 → none                   -12 ms                none     0 ms         1,240     3      none"
  `);
});

test("what rounds to zero has no minus", () => {
  expect(formatTable({ rows: [{ ...row, oldLastMs: -0.4 }] })[2]).toContain("  +0 ms ");
});

test("a line of the timeline has its time and source, with colours only where asked", () => {
  const entry = { afterMs: 4_085.4, source: "fault", text: "1. agent killed" } as const;
  expect(formatEntry(entry, false)).toBe("   4.085 s  fault         1. agent killed");
  expect(formatEntry(entry, true)).toBe("   4.085 s  \u001b[31;1mfault         1. agent killed\u001b[0m");
});

import type { FaultRow, Verdict } from "./judge.js";

/** Milliseconds as a person compares them. */
export function formatMs(ms: number | null): string {
  if (ms === null) return "none";
  // `|| 0` turns a rounded -0 into 0.
  return `${(Math.round(ms) || 0).toLocaleString("en-US")} ms`;
}

const signed = (ms: number | null) => (ms === null ? "none" : `${Math.round(ms) < 0 ? "" : "+"}${formatMs(ms)}`);

const COLUMNS: readonly {
  readonly title: string;
  readonly right: boolean;
  readonly cell: (row: FaultRow) => string;
}[] = [
  { title: "fault", right: false, cell: (row) => row.name },
  { title: "holder", right: false, cell: (row) => `${row.oldAgent ?? "none"} → ${row.newAgent ?? "none"}` },
  { title: "epoch", right: false, cell: (row) => `${row.oldEpoch ?? "none"} → ${row.newEpoch ?? "none"}` },
  { title: "old writer's last write", right: true, cell: (row) => signed(row.oldLastMs) },
  { title: "new writer's first", right: true, cell: (row) => signed(row.newFirstMs) },
  { title: "overlap", right: true, cell: (row) => formatMs(row.overlapMs) },
  { title: "acknowledged", right: true, cell: (row) => row.acknowledged.toLocaleString("en-US") },
  { title: "lost", right: true, cell: (row) => row.lost.toLocaleString("en-US") },
  { title: "downtime", right: true, cell: (row) => formatMs(row.downtimeMs) },
];

/** Times are relative to the fault. `acknowledged` counts what followed it under the new holder. */
export function formatTable({ rows }: Pick<Verdict, "rows">): string[] {
  const cells = rows.map((row) => COLUMNS.map((column) => column.cell(row)));
  const widths = COLUMNS.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) =>
        COLUMNS[index]?.right ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [
    line(COLUMNS.map(({ title }) => title)),
    widths.map((width) => "─".repeat(width)).join("  "),
    ...cells.map(line),
  ];
}

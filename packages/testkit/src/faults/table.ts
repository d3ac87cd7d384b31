import type { FaultProfile } from "./profile.js";
import type { RowResult } from "./row.js";

export interface FaultTable {
  /** ISO date. */
  readonly date: string;
  /** What it ran on: name and version of each component, kernel included. */
  readonly versions: Readonly<Record<string, string>>;
  readonly profile: FaultProfile;
  readonly results: readonly RowResult[];
}

/**
 * Void when a control row shows no two writers: then the harness would not have seen the product's either.
 * Pure; empty = the table counts.
 */
export function whyVoid(results: readonly RowResult[]): string[] {
  const controls = results.filter((result) => result.wrapper === "naive");
  if (controls.length === 0) return ["no control row was played"];
  return controls
    .filter((control) => control.overlapMs <= 0)
    .map((control) => `${control.name} [${control.store}] shows no overlap`);
}

/** The published table as Markdown. Pure. */
export function renderFaultTable(table: FaultTable): string {
  const { profile, results } = table;
  const { timing } = profile;
  const ours = results.filter((result) => result.wrapper === "holdfast");
  const failed = ours.filter((result) => result.problems.length > 0);
  const groups = [...new Set(ours.map((result) => result.group))];
  const voids = whyVoid(results);
  const verdict =
    voids.length > 0
      ? `**Void**: ${voids.join("; ")}.`
      : `${ours.length} rows, ${failed.length} failed. Longest overlap of two writers: ${number(Math.max(0, ...ours.map((r) => r.overlapMs)))} ms. Control rows: ${results.length - ours.length}, each with an overlap above 0.`;
  return [
    "# Fault table",
    "",
    "<!-- Written by `pnpm test:faults`; do not edit. -->",
    "",
    "Each row is one fault, injected into real processes on real stores. Writers append to the volume every 10 ms and note each",
    "acknowledged write on the machine's monotonic clock; a judge that knows nothing else decides from their notes and the data",
    "whether there ever were two writers and whether an acknowledged write was lost. A fault counts when it was seen from",
    "outside: process states, packet counters, the server's own answers.",
    "",
    verdict,
    "",
    `Date ${table.date}. ${Object.entries(table.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "",
    `Lease ${timing.leaseMs} ms, renewal ${timing.renewMs} ms, stop budget ${timing.stopBudgetMs} ms, margin ${timing.marginMs} ms, guard ${timing.guardMs} ms;`,
    `at least ${profile.writesBefore} acknowledged writes before and ${profile.writesAfter} after each fault. "Measured" is the number that the expectation`,
    "speaks of: time to the successor's first write, or the longest pause of a run that is left alone.",
    "",
    ...section(
      "The control: a lock wrapper that believes its client library",
      results.filter((r) => r.wrapper === "naive"),
    ),
    ...groups.flatMap((group) =>
      section(
        capitalised(group),
        ours.filter((result) => result.group === group),
      ),
    ),
  ].join("\n");
}

const HEADER = [
  "| fault | store | seen from outside | expected | measured | overlap | downtime | acknowledged, after the fault | lost | wrapper ended with | verdict |",
  "|---|---|---|---|---:|---:|---:|---:|---:|---|---|",
];

function section(title: string, results: readonly RowResult[]): string[] {
  return [`## ${title}`, "", ...HEADER, ...results.map(line), ""];
}

function line(result: RowResult): string {
  const isControl = result.wrapper === "naive";
  const verdict = isControl
    ? result.overlapMs > 0
      ? "two writers"
      : "**no overlap**"
    : result.problems.length === 0
      ? "passed"
      : `**failed**: ${result.problems.join("; ")}`;
  const cells = [
    result.name,
    result.store,
    result.fault,
    isControl ? "two writers" : result.expected,
    milliseconds(result.measuredMs),
    milliseconds(result.overlapMs),
    milliseconds(result.downtimeMs === null ? null : Math.max(0, result.downtimeMs)),
    `${result.acknowledged}, ${result.acknowledgedAfterFault}`,
    String(result.lost),
    result.holderExit,
    verdict,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}

const number = (ms: number) => (ms === 0 ? "0" : ms.toFixed(ms < 10 ? 1 : 0));
const milliseconds = (ms: number | null) => (ms === null ? "–" : `${number(ms)} ms`);
const capitalised = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

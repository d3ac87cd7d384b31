// @ts-check
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../checks/tree.mjs";
import { sentence, table } from "./tables.mjs";

const DIRECTORY = "docs/reference/conformance";
const NOTICE = `<!-- Generated from ${DIRECTORY}/*.json by \`pnpm fix\`. File another run, do not change this page. -->`;

/**
 * One file of that directory: `conformance.json` as the suite writes it.
 *
 * @typedef {object} CaseReport
 * @property {string} id
 * @property {string} level
 * @property {string} invariant
 * @property {string} title
 * @property {"passed" | "failed" | "skipped" | "reported"} result
 * @property {string | null} why
 * @property {Record<string, number>} measured
 * @property {string[]} facts
 *
 * @typedef {object} Report
 * @property {string} strategy
 * @property {{ name: string, version: string } | null} package
 * @property {string} backend
 * @property {string} server
 * @property {string} at
 * @property {"quick" | "full"} mode
 * @property {{ testkit: string, node: string, kernel: string }} versions
 * @property {string} declaredGrade
 * @property {{ grade: string, why: string }} proven
 * @property {CaseReport[]} cases
 *
 * @typedef {object} Suite - The suite itself, for the words.
 * @property {readonly string[]} LEVELS
 * @property {Record<string, string>} INVARIANTS
 * @property {(report: Report, level: string) => string} levelResult
 */

/** @returns {Report[]} by package, then by backend */
export function readReports() {
  const directory = join(repository, DIRECTORY);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(directory, name), "utf8")))
    .sort((one, other) => keyOf(one).localeCompare(keyOf(other)));
}

/** @param {Report} report */
const keyOf = ({ package: from, strategy, backend }) => `${from?.name ?? strategy} ${backend}`;

/**
 * @param {readonly Report[]} reports
 * @param {Suite} suite
 */
export function conformancePage(reports, suite) {
  const blocks = [
    "# Conformance of the storage strategies",
    NOTICE,
    "What the [conformance suite](../how-to/prove-a-strategy.md) saw of each strategy on each real backend. A grade counts " +
      "only as far as it was proven here: what a strategy declares beyond it is ignored. `reported` cases were tried and not " +
      "kept, and the declared grade does not promise them; `skipped` cases were not tried because of a declared capability.",
    reports.length === 0
      ? "No run was filed yet."
      : table(
          ["Strategy", "Backend", "Declared", "Proven", ...suite.LEVELS],
          reports.map((report) => [
            report.package?.name ?? report.strategy,
            report.backend,
            report.declaredGrade,
            `**${report.proven.grade}**`,
            ...suite.LEVELS.map((level) => suite.levelResult(report, level)),
          ]),
        ),
    ...reports.flatMap((report) => section(report)),
    "## Invariants",
    table(
      ["Invariant", "What it says"],
      Object.entries(suite.INVARIANTS).map(([name, meaning]) => [name, sentence(meaning)]),
    ),
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** @param {Report} report */
function section(report) {
  const { package: from, strategy, backend, server, at, mode, versions, proven, cases } = report;
  const waits = mode === "full" ? "with the waits that a grade is defined by" : "quick: too short for a proof";
  const told = cases.filter(({ result }) => result !== "passed");
  const measured = cases.flatMap(({ id, measured: numbers }) =>
    Object.keys(numbers).length > 0 ? [{ id, numbers }] : [],
  );
  return [
    `## ${strategy} on ${backend}`,
    `${at.slice(0, 10)}, ${waits}. Server: ${server}. ${from === null ? strategy : `${from.name} ${from.version}`}, ` +
      `testkit ${versions.testkit}, Node ${versions.node}, Linux ${versions.kernel}.`,
    `Proven **${proven.grade}**: ${proven.why}.`,
    ...(told.length === 0
      ? []
      : [
          table(
            ["Case", "Result", "Why"],
            told.map(({ id, result, why }) => [`\`${id}\``, result, why ?? ""]),
          ),
        ]),
    ...factsOf(cases),
    ...(measured.length === 0
      ? []
      : [
          table(
            ["Case", "Measured (milliseconds, or counts)"],
            measured
              .filter(({ id }) => id.startsWith("L4"))
              .map(({ id, numbers }) => [`\`${id}\``, numbersOf(numbers)]),
          ),
        ]),
  ];
}

/** @param {readonly CaseReport[]} cases */
function factsOf(cases) {
  const lines = cases.flatMap(({ id, facts }) => facts.map((fact) => `- \`${id}\`: ${fact}`));
  return lines.length === 0 ? [] : ["What was seen:", lines.join("\n")];
}

/** @param {Record<string, number>} numbers */
function numbersOf(numbers) {
  return Object.entries(numbers)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

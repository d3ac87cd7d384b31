// @ts-check
/**
 * `node ci-summary.mjs RESULTS REPORTS`: what `.ci/run` prints last. RESULTS has a line per part: name, exit code, seconds.
 * A part that left a vitest report counts with its tests, one that printed "N passed, N failed" with those, and any other
 * part as one.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * @typedef {object} VitestReport
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {ReadonlyArray<VitestFile>} testResults
 *
 * @typedef {object} VitestFile
 * @property {string} name
 * @property {string} status
 * @property {string} [message] - of a file that could not be loaded, or of its hooks
 * @property {ReadonlyArray<{ fullName?: string, status?: string, failureMessages?: readonly string[] }>} assertionResults
 *
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 */

/**
 * @param {number} exitCode
 * @param {VitestReport | undefined} report
 * @param {string} output
 * @returns {Counts}
 */
export function countPart(exitCode, report, output) {
  if (report === undefined) return countOutput(exitCode, output);
  // A file that cannot even be loaded has no tests in the report and must count all the same.
  const broken = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  const failed = report.numFailedTests + broken.length;
  return {
    passed: report.numPassedTests,
    // Whatever else made the part fail: an unhandled error, a hook, the time limit.
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests,
  };
}

/**
 * @param {number} exitCode
 * @param {string} output
 * @returns {Counts}
 */
function countOutput(exitCode, output) {
  const [, passed, failed] = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ?? [];
  const counts = { passed: Number(passed ?? (exitCode === 0 ? 1 : 0)), failed: Number(failed ?? 0), skipped: 0 };
  return counts.failed === 0 && exitCode !== 0 ? { ...counts, failed: 1 } : counts;
}

const MESSAGE_LINES = 4;
const LOG_LINES = 20;

/**
 * What went wrong in a part, so that the end of a long log is enough to begin with.
 *
 * @param {number} exitCode
 * @param {VitestReport | undefined} report
 * @param {string} output
 * @returns {string[]}
 */
export function failuresOf(exitCode, report, output) {
  if (exitCode === 0) return [];
  const first = (/** @type {string} */ text) => text.trim().split("\n").slice(0, MESSAGE_LINES).join("\n    ");
  const failed = (report?.testResults ?? []).flatMap((file) => {
    const tests = file.assertionResults.filter(({ status }) => status === "failed");
    const told = tests.map((test) => `${test.fullName}\n    ${first(test.failureMessages?.[0] ?? "no message")}`);
    const hooks = file.status === "failed" && tests.length === 0 ? [first(file.message || "no message")] : [];
    return [...told, ...hooks].map((text) => `  ${basename(file.name)}: ${text}`);
  });
  return failed.length > 0
    ? failed
    : output
        .trimEnd()
        .split("\n")
        .slice(-LOG_LINES)
        .map((line) => `  | ${line}`);
}

/**
 * @param {ReadonlyArray<{ name: string, exitCode: number, seconds: number, counts: Counts, failures?: string[] }>} parts
 * @returns {{ text: string, failed: number }}
 */
export function summarize(parts) {
  const sum = (/** @type {keyof Counts} */ key) => parts.reduce((total, { counts }) => total + counts[key], 0);
  const lines = parts.map(({ name, exitCode, seconds, counts }) =>
    [
      (exitCode === 0 ? "passed" : "FAILED").padEnd(7),
      name.padEnd(16),
      `${seconds} s`.padStart(7),
      `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} not run` : ""}`,
    ].join(" "),
  );
  const failures = parts.flatMap((part) =>
    part.failures === undefined || part.failures.length === 0 ? [] : [`failed in ${part.name}:`, ...part.failures],
  );
  const seconds = parts.reduce((total, part) => total + part.seconds, 0);
  return {
    text: [
      "",
      ...failures,
      ...lines,
      `in ${Math.floor(seconds / 60)} min ${seconds % 60} s`,
      `${sum("passed")} passed, ${sum("failed")} failed`,
    ].join("\n"),
    failed: sum("failed"),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [results = "", reports = ""] = process.argv.slice(2);
  const parts = readFileSync(results, "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", exitCode, seconds] = line.split("\t");
      const file = join(reports, `${name}.json`);
      const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
      const log = join(reports, `${name}.log`);
      const output = existsSync(log) ? readFileSync(log, "utf8") : "";
      const counts = countPart(Number(exitCode), report, output);
      const failures = failuresOf(Number(exitCode), report, output);
      return { name, exitCode: Number(exitCode), seconds: Number(seconds), counts, failures };
    });
  const { text, failed } = summarize(parts);
  console.log(text);
  process.exitCode = failed > 0 || parts.some(({ exitCode }) => exitCode !== 0) ? 1 : 0;
}

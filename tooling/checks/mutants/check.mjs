// @ts-check
/**
 * Runs the tests of lease and guard once as they are and once per mutant. Every mutant must be rejected by a failing assertion;
 * a mutant that does not apply, or makes the tests fail to load, is a failure of this check.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mutants } from "./mutants.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../..");

/** @param {number} index */
function run(index) {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "node_modules/vitest/vitest.mjs"), "run", "--config", join(here, "vitest.config.ts")],
    {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, HOLDFAST_MUTANT: String(index), HOLDFAST_SIMULATIONS: "100" },
      maxBuffer: 1 << 26,
    },
  );
  const start = stdout.indexOf('{"numTotalTestSuites"');
  if (start < 0) return { loaded: false, failed: [], why: stdout.slice(-500) + stderr.slice(-500) };
  const report = JSON.parse(stdout.slice(start));
  const tests = report.testResults.flatMap((/** @type {any} */ file) => file.assertionResults);
  const failed = tests.filter((/** @type {any} */ t) => t.status === "failed").map((/** @type {any} */ t) => t.title);
  return {
    loaded: tests.length > 0,
    failed,
    why: report.testResults.map((/** @type {any} */ f) => f.message).join(" "),
  };
}

let passed = 0;
let failed = 0;
/** @param {boolean} ok @param {string} line */
const say = (ok, line) => {
  if (ok) passed += 1;
  else failed += 1;
  console.log(`${ok ? "ok  " : "FAIL"} ${line}`);
};

const plain = run(-1);
say(
  plain.loaded && plain.failed.length === 0,
  `without a mutant: ${plain.failed.join("; ") || plain.why || "all tests pass"}`,
);
for (const [index, mutant] of mutants.entries()) {
  const result = run(index);
  const rejected = result.loaded && result.failed.length > 0;
  say(
    rejected,
    `${mutant.model.padEnd(16)} ${mutant.name}: ${rejected ? `rejected by "${result.failed[0]}"` : `NOT rejected ${result.why}`}`,
  );
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

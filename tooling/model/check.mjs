// @ts-check
/**
 * `node tooling/model/check.mjs [--quick] [--write] [--only NAME,...] [--trace NAME [--steps]]`
 *
 * Asks Spin for every entry of mutants.json: bases must be searched completely without an error, mutants must be rejected
 * for the property they were made to break, stories must be possible. Ends with 0 when all of that is so, 1 when anything
 * is a surprise, 2 on wrong use, 3 when spin or gcc is missing. `--quick` leaves out the large bases; `--write` puts the
 * full result into docs/reference/lease-model.md; `--trace` tells one counterexample.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { lineOf, pageOf } from "./report.mjs";
import { discard, modelFolder, replay, runCheck, spinVersion, unknownDefines } from "./spin.mjs";

/** @typedef {import("./spin.mjs").Check} Check */

const PARALLEL = 2;
/** Far above what the slowest check takes on a busy machine; a check that gets there is stuck. */
const CHECK_TIMEOUT_MS = 60 * 60_000;
const page = join(modelFolder, "../../docs/reference/lease-model.md");

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    only: { type: "string" },
    trace: { type: "string" },
    steps: { type: "boolean", default: false },
  },
});

/** @type {Record<"bases" | "mutants" | "stories", Check[]>} */
const groups = JSON.parse(readFileSync(join(modelFolder, "mutants.json"), "utf8"));
const all = /** @type {const} */ (["bases", "mutants", "stories"]).flatMap((group) =>
  groups[group].map((check) => ({ group, check })),
);

process.exitCode = await main();

async function main() {
  const spin = spinVersion();
  if (spin === undefined) return missing("spin");
  if (spawnSync("gcc", ["--version"]).status !== 0) return missing("gcc");
  const wrong = unknownDefines(all.map(({ check }) => check));
  if (wrong.length > 0) return refuse(`mutants.json defines what the model does not know: ${wrong.join(", ")}`);
  if (options.trace !== undefined) return trace(options.trace);
  if (options.write && options.only !== undefined) return refuse("--write needs a whole run: leave out --only");
  const names = options.only?.split(",");
  const chosen = all.filter(({ group, check }) =>
    names === undefined ? !options.quick || group !== "bases" || check.quick === true : names.includes(check.name),
  );
  if (names !== undefined && chosen.length !== names.length)
    return refuse(`--only: no such check among ${options.only}`);
  return runAll(chosen, spin);
}

/**
 * @param {typeof all} chosen
 * @param {string} spin
 */
async function runAll(chosen, spin) {
  // Large bases first, so that the two processes end at about the same time.
  const waiting = [...chosen].sort((a, b) => weight(b.check) - weight(a.check));
  /** @type {import("./report.mjs").Result[]} */
  const results = [];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const outcome = await runCheck(next.check, AbortSignal.timeout(CHECK_TIMEOUT_MS));
      const result = { ...next, outcome };
      results.push(result);
      console.log(lineOf(result));
      if (outcome.passed) discard(outcome);
      else console.log(`     kept in ${outcome.folder}; told by --trace ${next.check.name}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  const order = new Map(all.map(({ check }, index) => [check.name, index]));
  results.sort((a, b) => (order.get(a.check.name) ?? 0) - (order.get(b.check.name) ?? 0));
  const failed = results.filter(({ outcome }) => !outcome.passed).length;
  if (options.write && failed === 0) writeFileSync(page, pageOf(results, spin, leftOut(results)));
  if (options.write && failed > 0) console.log("docs/reference/lease-model.md is left as it was.");
  console.log(`${results.length - failed} passed, ${failed} failed`);
  return failed === 0 && results.length > 0 ? 0 : 1;
}

/** What this run did not search, by name. @param {readonly import("./report.mjs").Result[]} results */
function leftOut(results) {
  const done = new Set(results.map(({ check }) => check.name));
  return all.filter(({ check }) => !done.has(check.name)).map(({ check }) => check.name);
}

/** @param {Check} check */
function weight(check) {
  if (check.violates !== undefined || check.story !== undefined) return 0;
  return check.quick === true ? 1 : 2;
}

/** @param {string} name */
async function trace(name) {
  const check = all.find((one) => one.check.name === name)?.check;
  if (check === undefined) return refuse(`--trace: no check is called ${name}`);
  const outcome = await runCheck(check, AbortSignal.timeout(CHECK_TIMEOUT_MS));
  console.log(`${name}: ${check.what}\n${outcome.verdict}\n`);
  const text = replay(check, outcome.folder, options.steps ? ["-p"] : []);
  const isStep = /^\s*(?:seat \d|store:|network:|tick:|<<<<<START OF CYCLE)/;
  for (const line of text.split("\n"))
    if (options.steps || (isStep.test(line) && !/seat\[/.test(line))) console.log(options.steps ? line : line.trim());
  discard(outcome);
  return 0;
}

/** @param {string} tool */
function missing(tool) {
  console.error(`${tool} is not installed: apt-get install --no-install-recommends spin gcc libc6-dev`);
  return 3;
}

/** @param {string} why */
function refuse(why) {
  console.error(why);
  return 2;
}

// @ts-check
/**
 * One check = one verifier: `spin -a` turns the model, with its defines, into C; gcc into a program; the program searches
 * every reachable state. Safety is searched breadth first (the shortest counterexample, no depth limit), liveness depth
 * first, since Spin finds cycles that way.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {"S1" | "S2" | "L1"} Property
 * @typedef {object} Check
 * @property {string} name
 * @property {string} what
 * @property {Record<string, number | true>} [defines] - Set in the model; `true` defines without a value.
 * @property {boolean} [quick] - Also in the quick run. Mutants and stories always are.
 * @property {boolean} [liveness] - Judged by the formula L1 instead of S1 and S2.
 * @property {Property} [violates] - Mutants only.
 * @property {string} [rule] - Mutants only: the rule that is broken, as behaviour of the code.
 * @property {readonly string[]} [story] - Stories only: events, in order.
 * @typedef {object} Outcome
 * @property {boolean} passed
 * @property {string} verdict
 * @property {number} states
 * @property {number} seconds
 * @property {string} folder - Where the trail of a counterexample is.
 */

export const modelFolder = dirname(fileURLToPath(import.meta.url));
const model = join(modelFolder, "lease.pml");

/** Per verifier; two run at once. */
const MEMORY_MIB = 5800;
const EVENTS_PER_STORY = 4;

export function spinVersion() {
  const { status, stdout } = spawnSync("spin", ["-V"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Names that a check defines but the model never asks for: such a check would silently be the plain base.
 *
 * @param {readonly Check[]} checks
 */
export function unknownDefines(checks) {
  const text = readdirSync(modelFolder)
    .filter((file) => file.endsWith(".pml"))
    .map((file) => readFileSync(join(modelFolder, file), "utf8"))
    .join("\n");
  const names = checks.flatMap((check) => [...Object.keys(check.defines ?? {}), ...(check.story ?? [])]);
  return [...new Set(names)].filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
}

/** @param {Check} check */
export function definesOf(check) {
  const defines = Object.entries(check.defines ?? {}).map(([name, value]) =>
    value === true ? `-D${name}` : `-D${name}=${value}`,
  );
  // A mutant is judged by the property that it was made for, so that it cannot be rejected for another reason.
  if (check.violates === "S1" || check.violates === "S2") defines.push(`-DONLY_${check.violates}`);
  if (check.story !== undefined) {
    const skipped = EVENTS_PER_STORY - check.story.length;
    const events = [...Array(skipped).fill("0"), ...check.story];
    defines.push(`-DSTORY_FROM=${skipped}`, ...events.map((event, index) => `-DSTORY_${index + 1}=${event}`));
  }
  return defines;
}

/**
 * Runs one check. The caller removes `folder` when it has no use for the trail.
 *
 * @param {Check} check
 * @param {AbortSignal} signal
 * @returns {Promise<Outcome>}
 */
export async function runCheck(check, signal) {
  const folder = mkdtempSync(join(tmpdir(), `lease-model-${check.name}-`));
  const startedAt = performance.now();
  const search = check.liveness === true ? [] : ["-DSAFETY", "-DBFS"];
  const claim = check.defines?.LIVE === true && check.liveness !== true ? ["-DNOCLAIM"] : [];
  // What ends at its first counterexample is searched in less time than -O2 takes to compile it.
  const optimisation = check.violates === undefined && check.story === undefined ? "-O2" : "-O1";
  /** @type {(readonly [string, ...string[]])[]} */
  const steps = [
    ["spin", ...definesOf(check), "-a", model],
    // Every step of the model reads or writes shared state, so partial order reduction has nothing to reduce.
    ["gcc", optimisation, "-w", "-DNOREDUCE", ...search, ...claim, `-DMEMLIM=${MEMORY_MIB}`, "-o", "pan", "pan.c"],
    ["./pan", ...(check.liveness === true ? ["-a", "-m1000000"] : [])],
  ];
  let output = "";
  for (const step of steps) {
    const result = await run(["nice", "-n", "10", ...step], folder, signal);
    output = result.output;
    // A verifier that found an error still ends with 0.
    if (result.status !== 0) {
      const seconds = (performance.now() - startedAt) / 1000;
      return { passed: false, verdict: failureOf(step[0], result, signal), states: 0, seconds, folder };
    }
  }
  return { ...judge(check, output), seconds: (performance.now() - startedAt) / 1000, folder };
}

/**
 * @param {Check} check
 * @param {string} output - Of the verifier.
 * @returns {{ passed: boolean, verdict: string, states: number }}
 */
export function judge(check, output) {
  const states = Number(/^\s*(\d+) states, stored/m.exec(output)?.[1] ?? 0);
  const errors = Number(/errors: (\d+)/.exec(output)?.[1] ?? Number.NaN);
  const found = /^pan:\d+: (.*?)(?: \(at depth \d+\))?$/m.exec(output)?.[1];
  const isComplete = !/Search not completed|max search depth too small|out of memory|MEMLIM/i.test(output);
  if (errors === 0 && isComplete) {
    return check.violates === undefined && check.story === undefined
      ? { passed: true, verdict: check.liveness === true ? "holds, complete" : "safe, complete", states }
      : { passed: false, verdict: "NOT rejected: searched completely without an error", states };
  }
  if (errors === 0) return { passed: false, verdict: "search not completed: out of memory or depth", states };
  const meaning = meaningOf(found ?? "");
  if (meaning === undefined) return { passed: false, verdict: `unexpected: ${found ?? "no verdict"}`, states };
  const expected = check.violates ?? (check.story === undefined ? undefined : "story");
  return { passed: meaning.property === expected, verdict: meaning.text, states };
}

/** @param {string} found */
function meaningOf(found) {
  if (found === "assertion violated neverTwoApplicationsAlive")
    return { property: "S1", text: "rejected: two applications" };
  if (found === "assertion violated epochsOfStartsGrow")
    return { property: "S2", text: "rejected: epochs do not grow" };
  if (found === "acceptance cycle") return { property: "L1", text: "rejected: never alive" };
  if (found === "assertion violated notReached") return { property: "story", text: "reachable" };
  return undefined;
}

/**
 * The counterexample, as the model tells it: one line per step.
 *
 * @param {Check} check
 * @param {string} folder
 * @param {readonly string[]} options - More for spin, e.g. `-p`.
 */
export function replay(check, folder, options) {
  const trail = ["-k", join(folder, "lease.pml.trail")];
  const { stdout } = spawnSync("spin", [...definesOf(check), "-t", ...trail, ...options, model], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  return stdout;
}

/** @param {Outcome} outcome */
export function discard(outcome) {
  rmSync(outcome.folder, { recursive: true, force: true });
}

/**
 * @param {readonly string[]} command
 * @param {string} cwd
 * @param {AbortSignal} signal
 * @returns {Promise<{ status: number | null, output: string }>}
 */
function run(command, cwd, signal) {
  const [file = "", ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd, stdio: ["ignore", "pipe", "pipe"], signal, killSignal: "SIGKILL" });
    let output = "";
    const collect = (/** @type {Buffer} */ chunk) => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    let failure = "";
    child.on("error", (error) => {
      failure = `${error.message}\n`;
    });
    child.on("close", (status) => resolve({ status, output: failure + output }));
  });
}

/**
 * @param {string} step
 * @param {{ status: number | null, output: string }} result
 * @param {AbortSignal} signal
 */
function failureOf(step, result, signal) {
  if (signal.aborted) return `${step}: stopped, out of time`;
  return `${step} ended with ${result.status}: ${result.output.trim().split("\n").slice(-3).join(" | ")}`;
}

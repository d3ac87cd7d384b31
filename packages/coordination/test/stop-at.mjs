// @ts-check
/*
 * Loaded before a worker's own code: does something to chosen calls of node:fs/promises, so that a test meets a process
 * exactly there. STOP_AT = JSON of a list of {call, path, nth, act}; `nth` 0 means every call.
 *
 * - `stop-before`, `stop-after`: the process stops itself (SIGSTOP) right before or behind the call.
 * - `hold-after`: the call is made, and its answer never arrives.
 * - `hide-newest`, `hide-oldest`: a listing lacks three names, as one that is no atomic snapshot might.
 */
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/** @typedef {"stop-before" | "stop-after" | "hold-after" | "hide-newest" | "hide-oldest"} Act */
/** @typedef {{ call: string, path: string, nth: number, act: Act }} StopPoint */

const HIDDEN = 3;
const never = new Promise(() => {
  // Not even at the end.
});

/** @type {(StopPoint & { calls: number })[]} */
const points = JSON.parse(process.env.STOP_AT ?? "[]").map((/** @type {StopPoint} */ point) => ({
  ...point,
  calls: 0,
}));
const functions = /** @type {Record<string, (...parameters: unknown[]) => Promise<unknown>>} */ (
  /** @type {unknown} */ (promises)
);

/** @param {unknown} names @param {Set<Act>} acts */
function hide(names, acts) {
  if (!Array.isArray(names) || names.length <= HIDDEN) return names;
  const sorted = [...names].sort();
  if (acts.has("hide-newest")) return sorted.slice(0, -HIDDEN);
  return acts.has("hide-oldest") ? sorted.slice(HIDDEN) : names;
}

for (const name of new Set(points.map(({ call }) => call))) {
  const original = functions[name];
  if (original === undefined) throw new Error(`There is no node:fs/promises.${name}.`);
  functions[name] = async (...parameters) => {
    /** @type {Set<Act>} */
    const acts = new Set();
    for (const point of points) {
      if (point.call !== name || !parameters.some((value) => String(value).includes(point.path))) continue;
      point.calls += 1;
      if (point.nth === 0 || point.nth === point.calls) acts.add(point.act);
    }
    if (acts.has("stop-before")) process.kill(process.pid, "SIGSTOP");
    const result = await original(...parameters);
    if (acts.has("stop-after")) process.kill(process.pid, "SIGSTOP");
    if (acts.has("hold-after")) await never;
    return hide(result, acts);
  };
}
syncBuiltinESMExports();

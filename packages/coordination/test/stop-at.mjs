// @ts-check
/*
 * Loaded before a worker's own code: stops the process (SIGSTOP to itself) right before or right after chosen calls of
 * node:fs/promises, so that a test meets a writer exactly there. STOP_AT = JSON of a list of {call, when, path, nth}.
 */
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/** @typedef {{ call: string, when: "before" | "after", path: string, nth: number }} StopPoint */

/** @type {StopPoint[]} */
const points = JSON.parse(process.env.STOP_AT ?? "[]");
const functions = /** @type {Record<string, (...parameters: unknown[]) => Promise<unknown>>} */ (
  /** @type {unknown} */ (promises)
);

for (const name of new Set(points.map(({ call }) => call))) {
  const original = functions[name];
  if (original === undefined) throw new Error(`There is no node:fs/promises.${name}.`);
  functions[name] = async (...parameters) => {
    const hit = points.filter(
      ({ call, path }) => call === name && parameters.some((value) => String(value).includes(path)),
    );
    for (const point of hit) point.nth -= 1;
    const now = hit.filter(({ nth }) => nth === 0);
    if (now.some(({ when }) => when === "before")) process.kill(process.pid, "SIGSTOP");
    const result = await original(...parameters);
    if (now.some(({ when }) => when === "after")) process.kill(process.pid, "SIGSTOP");
    return result;
  };
}
syncBuiltinESMExports();

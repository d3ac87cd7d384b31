import { HoldfastError } from "@holdfast/core";

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  secs: 1_000,
  mins: 60_000,
  hrs: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

/**
 * Pure: a duration as Mesos writes it (`15secs`, `1.5mins`; stout/duration.hpp), in whole milliseconds, rounded up.
 * @throws `BAD_CONFIGURATION` naming the flag.
 */
export function parseMesosDuration(flag: string, text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(ns|us|ms|secs|mins|hrs|days|weeks)$/.exec(text.trim()) ?? [];
  const unitMs = UNIT_MS[unit];
  const ms = number === undefined || unitMs === undefined ? Number.NaN : Math.ceil(Number(number) * unitMs);
  if (Number.isSafeInteger(ms)) return ms;
  throw new HoldfastError("BAD_CONFIGURATION", `--${flag}=${text} is not a duration that Mesos knows.`, {
    hint: "Mesos writes durations as 15secs, 10mins, 2weeks.",
  });
}

/**
 * The sum of times, each a whole number of milliseconds.
 * @throws `IMPOSSIBLE_BUDGET` when a term or the sum is none, so that no row is ever printed from a number that is wrong.
 */
export function sumMs(...terms: readonly number[]): number {
  let total = 0;
  for (const term of terms) {
    total += term;
    if (Number.isSafeInteger(term) && term >= 0 && Number.isSafeInteger(total)) continue;
    throw new HoldfastError("IMPOSSIBLE_BUDGET", `A time of ${term} ms cannot be added up.`, {
      hint: "Times are whole milliseconds, not below zero.",
    });
  }
  return total;
}

/** @throws `IMPOSSIBLE_BUDGET`, as for {@link sumMs}. */
export function timesMs(count: number, ms: number): number {
  return sumMs(sumMs(count) * sumMs(ms));
}

import { HoldfastError } from "@holdfast/core";

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Pure: `90s`, `30m`, `2h`, `1d` in milliseconds. @throws `USAGE`. */
export function parseDuration(text: string): number {
  const match = /^([1-9][0-9]{0,5})([smhd])$/.exec(text);
  const unitMs = UNITS_MS[match?.[2] ?? ""];
  if (match === null || unitMs === undefined) {
    throw new HoldfastError("USAGE", `"${text}" is no duration.`, { hint: "For example 90s, 30m, 2h or 1d." });
  }
  return Number(match[1]) * unitMs;
}

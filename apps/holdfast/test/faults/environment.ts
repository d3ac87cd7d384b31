import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type FaultProfile, faultProfile } from "@holdfast/testkit";

export const inRepository = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));

/** The executable under test: `HOLDFAST_BIN`, else the single executable where it was built, else the bundle. */
export function executableUnderTest(): [string, ...string[]] {
  const given = process.env.HOLDFAST_BIN;
  const single = inRepository("dist/holdfast");
  const path = given ?? (existsSync(single) ? single : inRepository("apps/holdfast/dist/holdfast.cjs"));
  if (!existsSync(path)) throw new Error(`There is no executable at ${path}: build it first, or set HOLDFAST_BIN.`);
  return /\.[cm]?js$/.test(path) ? [process.execPath, path] : [path];
}

/** `pnpm test`: a lease of 3 s, few writes. Shows that each class of fault is survived; the long table is the proof. */
export function shortProfile(): FaultProfile {
  return faultProfile(3_000, { before: 30, after: 100 });
}

/** The fault suite: 10 s and a thousand writes after each fault, or what `HOLDFAST_FAULT_LEASE_MS` says for a quick look. */
export function suiteProfile(): FaultProfile {
  const leaseMs = Number(process.env.HOLDFAST_FAULT_LEASE_MS ?? 10_000);
  return leaseMs >= 10_000
    ? faultProfile(leaseMs, { before: 100, after: 1_000 })
    : faultProfile(leaseMs, { before: 30, after: 100 });
}

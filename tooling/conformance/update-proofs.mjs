// @ts-check
/**
 * `node tooling/conformance/update-proofs.mjs [--check]`: writes what the filed conformance runs prove
 * (docs/reference/conformance/*.json) into each strategy's own `src/proven.ts`, from which its grade is computed. Only runs
 * in full mode prove anything. With `--check` it says which files differ.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { manifestsIn, repository } from "../checks/tree.mjs";
import { readReports } from "../docs/conformance.mjs";

const WHY_LENGTH_MAX = 500;

/**
 * @typedef {import("../docs/conformance.mjs").Report} Report
 * @typedef {{ backend: string, grade: string, at: string, server: string, why: string }} Proof
 */

/**
 * Pure: what a report proves; undefined when it was too short to prove anything.
 *
 * @param {Report} report
 * @returns {Proof | undefined}
 */
export function proofOf({ mode, backend, proven, at, server }) {
  if (mode !== "full") return undefined;
  const why = proven.why.length > WHY_LENGTH_MAX ? `${proven.why.slice(0, WHY_LENGTH_MAX - 1)}…` : proven.why;
  return { backend, grade: proven.grade, at, server, why };
}

/**
 * Pure: the text of `proven.ts` with another table. Everything but the literal stays: its type says whether it is a list or
 * a record by backend.
 *
 * @param {string} text
 * @param {readonly Proof[]} proofs
 */
export function withProofs(text, proofs) {
  const table =
    /((?:export )?const PROVEN: (readonly StorageProof\[\]|Readonly<Record<string, StorageProof>>) = )[\s\S]*?;\n/;
  const match = table.exec(text);
  if (match === null) throw new Error("there is no table PROVEN of proofs");
  const [whole, head = "", type = ""] = match;
  const sorted = [...proofs].sort((one, other) => one.backend.localeCompare(other.backend));
  const value = type.startsWith("readonly")
    ? sorted
    : Object.fromEntries(sorted.map((proof) => [proof.backend, proof]));
  return text.replace(whole, () => `${head}${JSON.stringify(value, null, 2)};\n`);
}

/** @returns {Map<string, string>} files that change, with their new text */
export function changedProofs() {
  /** @type {Map<string, Proof[]>} */
  const byPackage = new Map();
  for (const report of readReports()) {
    const proof = proofOf(report);
    if (proof === undefined || report.package === null) continue;
    byPackage.set(report.package.name, [...(byPackage.get(report.package.name) ?? []), proof]);
  }
  const changed = new Map();
  for (const { path, content } of manifestsIn(["packages"])) {
    const file = join(path, "../src/proven.ts");
    const proofs = byPackage.get(content.name);
    if (proofs === undefined || !existsSync(join(repository, file))) continue;
    const before = readFileSync(join(repository, file), "utf8");
    const after = withProofs(before, proofs);
    if (normal(after) !== normal(before)) changed.set(file, after);
  }
  return changed;
}

/** The formatter's business is none of the comparison's. @param {string} text */
const normal = (text) => text.replace(/[\s"]|,(?=\s*[}\]])/g, "");

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const check = process.argv.includes("--check");
  for (const [file, text] of changedProofs()) {
    if (check)
      console.error(`${file} is not what the filed runs prove; run node tooling/conformance/update-proofs.mjs`);
    else writeFileSync(join(repository, file), text);
    console.log(file);
    if (check) process.exitCode = 1;
  }
}

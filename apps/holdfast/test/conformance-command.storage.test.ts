import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ERROR_CODES, EXIT_CODES } from "@holdfast/core";
import { conformanceReportSchema, namespacesUnavailable } from "@holdfast/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/* The command on a package of its own, with the testkit installed beside it and without. */

const program = fileURLToPath(new URL("../dist/holdfast.cjs", import.meta.url));
const testkit = fileURLToPath(new URL("../../../packages/testkit", import.meta.url));
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "holdfast-own-strategy-"));
  const manifest = { name: "own-strategy", version: "1.2.3", type: "module", exports: "./index.js" };
  const world = { holdfast: { world: "./world.js#recipe" } };
  write("package.json", JSON.stringify({ ...manifest, ...world }));
  write(
    "index.js",
    'import { createImageStrategy } from "@holdfast/testkit";\n' +
      "export const holdfastPlugin = { apiVersion: 1, strategies: [createImageStrategy()] };\n",
  );
  write("world.js", 'export { imageRecipe as recipe } from "@holdfast/testkit";\n');
  mkdirSync(join(home, "node_modules/@holdfast"), { recursive: true });
});

afterAll(() => rmSync(home, { recursive: true }));

test("says how to install the testkit where it is missing, and which levels there are", async () => {
  const missing = await conformance();
  expect(missing.stderr).toContain("npm install --save-dev @holdfast/testkit");
  expect(missing.code).toBe(EXIT_CODES[ERROR_CODES.NOT_FOUND.exit]);
  symlinkSync(testkit, join(home, "node_modules/@holdfast/testkit"));
  const level = await conformance("--level", "L9");
  expect(level.stderr).toContain("The levels are L0, L1, L2, L3, L4.");
});

test("tries the package up to the level that was asked for and writes the report", async ({ skip }) => {
  const unavailable = namespacesUnavailable();
  if (unavailable !== undefined) skip(unavailable);
  const file = join(home, "conformance.json");
  const { code, stdout, stderr } = await conformance("--level", "L1", "--json", file);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout).toContain("image on image");
  const report = conformanceReportSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  expect(report.package).toEqual({ name: "own-strategy", version: "1.2.3" });
  expect(new Set(report.cases.map(({ level }) => level))).toEqual(new Set(["L0", "L1"]));
});

function write(name: string, text: string): void {
  writeFileSync(join(home, name), text);
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function conformance(...args: readonly string[]): Promise<Ended> {
  // Test runners set NODE_PATH, through which everything of this repository would be found.
  const { NODE_PATH: _, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, [program, "conformance", home, ...args], { cwd: home, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

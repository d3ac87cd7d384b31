import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { imageRecipe, invariantOf, openSession, type Session } from "@holdfast/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/*
 * The rows of the suite in which `holdfast run` drives a strategy that is not built in: a package in a plugin directory.
 */

const program = fileURLToPath(new URL("../dist/holdfast.cjs", import.meta.url));
const testkit = fileURLToPath(new URL("../../../packages/testkit", import.meta.url));
const reference = { package: "image-strategy", version: "1.2.3" };
const LIMIT_MS = 240_000;
let prefix: string;
let session: Session;

beforeAll(async () => {
  prefix = mkdtempSync(join(tmpdir(), "holdfast-plugins-"));
  const modules = join(prefix, "node_modules");
  const home = join(modules, reference.package);
  mkdirSync(home, { recursive: true });
  mkdirSync(join(modules, "@holdfast"));
  symlinkSync(testkit, join(modules, "@holdfast/testkit"));
  const manifest = { name: reference.package, version: reference.version, type: "module", exports: "./index.js" };
  writeFileSync(join(home, "package.json"), JSON.stringify(manifest));
  writeFileSync(
    join(home, "index.js"),
    'import { createImageStrategy } from "@holdfast/testkit";\n' +
      "export const holdfastPlugin = { apiVersion: 1, strategies: [createImageStrategy()] };\n",
  );
  const strategy = { module: join(home, "index.js"), export: "holdfastPlugin" };
  session = await openSession(
    { strategy, recipe: imageRecipe },
    {
      holdfast: { command: [process.execPath, program], pluginDirs: [prefix], plugin: reference },
    },
  );
});

afterAll(async () => {
  await session.close();
  rmSync(prefix, { recursive: true });
});

test.each([
  "L4/I2-run-hands-over",
  "L4/I6-run-killed",
  "L4/I1-run-cut-from-the-store",
  "L4/I4-run-paused-for-two-leases",
  "L4/I1-run-clock-jumps",
])(
  "%s",
  async (id) => {
    const one = session.cases.find((candidate) => candidate.id === id);
    if (one === undefined) throw new Error(`there is no case ${id}`);
    expect(invariantOf(one)).toBe(id.slice(3, 5));
    const { result, why } = await session.play(one);
    expect(why).toBeNull();
    expect(result).toBe("passed");
  },
  LIMIT_MS,
);

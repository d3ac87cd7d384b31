// @ts-check
import { describe, expect, test } from "vitest";
import { findViolations } from "./arrows.mjs";

const names = {
  "packages/core": "@holdfast/core",
  "packages/effects": "@holdfast/effects",
  "packages/coordination": "@holdfast/coordination",
  "packages/supervisor": "@holdfast/supervisor",
  "packages/storage-nbd": "@holdfast/storage-nbd",
  "packages/engine-redis": "@holdfast/engine-redis",
  "packages/testkit": "@holdfast/testkit",
  "apps/holdfast": "holdfast",
  "apps/controller": "@holdfast/controller",
  "tooling/marathon-sim": "@holdfast/marathon-sim",
  "tooling/tsconfig": "@holdfast/tsconfig",
};
const manifests = Object.entries(names).map(([directory, name]) => ({
  path: `${directory}/package.json`,
  content: { name },
}));

/**
 * @param {string} path
 * @param {string} text
 */
function check(path, text) {
  return findViolations([{ path, text }], manifests);
}

describe("an import that points the wrong way is found", () => {
  test.each([
    ["packages/core/src/a.ts", 'import { x } from "@holdfast/effects";', "nothing of ours"],
    ["packages/core/src/a.ts", 'import { readFile } from "node:fs/promises";', "no I/O"],
    ["packages/effects/src/a.ts", 'export * from "@holdfast/coordination";', "only core"],
    ["packages/coordination/src/a.ts", 'import type { X } from "@holdfast/supervisor";', "only core, effects"],
    ["packages/supervisor/src/a.ts", 'const x = await import("@holdfast/coordination");', "only core, effects"],
    ["packages/supervisor/src/a.ts", 'let x: import("@holdfast/coordination").Lease;', "only core, effects"],
    ["packages/storage-nbd/src/a.ts", 'import "@holdfast/engine-redis";', "never imports another plugin"],
    ["packages/storage-nbd/src/a.ts", 'import { x } from "holdfast";', "nothing imports an app"],
    ["apps/controller/src/a.ts", 'import { x } from "holdfast";', "nothing imports an app"],
    ["packages/testkit/src/a.ts", 'import { x } from "@holdfast/controller";', "nothing imports an app"],
    ["packages/storage-nbd/src/a.ts", 'import { x } from "@holdfast/testkit";', "only tests"],
    ["apps/holdfast/src/run/a.ts", 'import { x } from "@holdfast/testkit";', "only tests"],
    ["apps/holdfast/src/run/a.ts", 'import { x } from "@holdfast/marathon-sim";', "uses the tooling"],
    ["packages/core/src/a.ts", 'import {\n  x,\n  y,\n} from "@holdfast/effects/deep";', "nothing of ours"],
    ["packages/effects/src/a.ts", 'import { x } from "../../coordination/src/x.js";', "leaves the package"],
    ["packages/effects/src/a.test.ts", 'import { x } from "@holdfast/supervisor";', "only core"],
  ])("%s: %s", (path, text, reason) => {
    const violations = check(path, text);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(reason);
  });
});

describe("an import that points the right way is not", () => {
  test.each([
    ["packages/core/src/a.ts", 'import { z } from "zod";\nimport { y } from "./y.js";'],
    ["packages/core/src/a.test.ts", 'import { readFileSync } from "node:fs";'],
    ["packages/storage-nbd/src/a.ts", 'import { x } from "@holdfast/supervisor";'],
    ["packages/storage-nbd/test/a.contract.test.ts", 'import { x } from "@holdfast/testkit";'],
    ["apps/holdfast/src/dev/a.ts", 'import { x } from "@holdfast/testkit";'],
    ["apps/holdfast/src/dev/a.ts", 'import { x } from "@holdfast/marathon-sim";'],
    ["packages/storage-nbd/test/a.contract.test.ts", 'import { x } from "@holdfast/marathon-sim";'],
    ["apps/holdfast/src/cli/a.ts", 'import { x } from "@holdfast/storage-nbd";'],
    ["apps/holdfast/src/controller/a.ts", 'import { x } from "@holdfast/controller";'],
    ["packages/effects/src/a.ts", '// as in `import { x } from "@holdfast/supervisor"`\nimport { y } from "./y.js";'],
    ["packages/effects/test/a.test.ts", 'import { x } from "../src/x.js";'],
  ])("%s: %s", (path, text) => {
    expect(check(path, text)).toEqual([]);
  });
});

describe("a dependency in package.json counts like an import", () => {
  /** @param {object} content */
  function checkManifest(content) {
    const others = manifests.filter(({ path }) => path !== "packages/effects/package.json");
    const changed = { path: "packages/effects/package.json", content: { name: "@holdfast/effects", ...content } };
    return findViolations([], [...others, changed]);
  }

  test.each(["dependencies", "peerDependencies", "optionalDependencies", "devDependencies"])("in %s", (field) => {
    expect(checkManifest({ [field]: { "@holdfast/supervisor": "workspace:*" } })).toHaveLength(1);
  });

  test("the testkit is for development only", () => {
    expect(checkManifest({ dependencies: { "@holdfast/testkit": "workspace:*" } })).toHaveLength(1);
    expect(checkManifest({ devDependencies: { "@holdfast/testkit": "workspace:*" } })).toEqual([]);
  });

  test("every package may use the shared compiler options", () => {
    expect(checkManifest({ devDependencies: { "@holdfast/tsconfig": "workspace:*" } })).toEqual([]);
  });
});

test("a package without a place in the architecture is refused", () => {
  const unplaced = { path: "packages/misc/package.json", content: { name: "@holdfast/misc" } };
  const file = { path: "packages/misc/src/a.ts", text: 'import { x } from "@holdfast/core";' };
  expect(() => findViolations([file], [...manifests, unplaced])).toThrow("has no place in the architecture");
});

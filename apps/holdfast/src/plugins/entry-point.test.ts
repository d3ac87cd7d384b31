import { expect, test } from "vitest";
import { exportedEntryPoint } from "./entry-point.js";

test.each([
  ["./a.js", "./a.js"],
  [{ ".": "./a.js", "./package.json": "./package.json" }, "./a.js"],
  [{ ".": { types: "./a.d.ts", import: "./a.mjs", require: "./a.cjs" } }, "./a.mjs"],
  [{ ".": { require: "./a.cjs", default: "./a.mjs" } }, "./a.mjs"],
  [{ import: { types: "./a.d.ts", default: "./a.mjs" }, require: "./a.cjs" }, "./a.mjs"],
  [{ ".": { browser: "./b.js", node: { import: "./a.mjs" }, default: "./c.js" } }, "./a.mjs"],
  [{ ".": [{ deno: "./d.js" }, "./a.js"] }, "./a.js"],
])("finds the file for an import in %j", (exports, file) => {
  expect(exportedEntryPoint(exports)).toBe(file);
});

test.each([
  [{ "./sub": "./a.js" }],
  [{ ".": { require: "./a.cjs" } }],
  [{ ".": null }],
  ["../outside.js"],
  ["./a/../../outside.js"],
  ["./node_modules/other/a.js"],
  ["other"],
  [null],
  [7],
])("finds nothing in %j", (exports) => {
  expect(exportedEntryPoint(exports)).toBeUndefined();
});

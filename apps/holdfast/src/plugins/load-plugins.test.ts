import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadPlugins, requireStrategy } from "./load-plugins.js";

// Real packages in a real npm prefix, loaded by the real module loader.

let prefix: string;

beforeEach(() => {
  prefix = mkdtempSync(join(tmpdir(), "holdfast-plugins-"));
});
afterEach(() => rmSync(prefix, { recursive: true, force: true }));

const METHODS =
  "capabilities proof explain placement plan observe attach detach fence unfence prepare check mount verify cut unmount release metrics";

/** JavaScript of a strategy that has every method and does nothing. */
function strategyText(type: string, { without = "" } = {}): string {
  const methods = METHODS.split(" ")
    .filter((name) => name !== without)
    .map((name) => `${name}() {}`);
  return `{ apiVersion: 1, type: ${JSON.stringify(type)}, optionsSchema: { safeParse() {} }, ${methods.join(", ")} }`;
}

function install(name: string, manifest: object, files: Readonly<Record<string, string>>, into = prefix): void {
  const home = join(into, "node_modules", name);
  for (const [path, text] of Object.entries({ "package.json": JSON.stringify({ name, ...manifest }), ...files })) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  }
}

const esm = (strategies: string, apiVersion = 1) =>
  `export const holdfastPlugin = { apiVersion: ${apiVersion}, strategies: [${strategies}] };`;

function installEsm(name: string, text: string, version = "1.0.0"): void {
  install(name, { version, type: "module", exports: { ".": { import: "./index.js" } } }, { "index.js": text });
}

const load = (name: string, version = "1.0.0", pluginDirs = [prefix]) =>
  loadPlugins({ pluginDirs, references: [{ package: name, version }] });

test("loads an ES module whose package has no entry for require", async () => {
  installEsm("@example/san", esm(strategyText("san")));
  const registry = await load("@example/san");
  expect(requireStrategy(registry, "san").type).toBe("san");
});

test("resolves what a plugin imports from where the plugin lies", async () => {
  install(
    "needed",
    { version: "1.0.0", type: "module", exports: "./index.js" },
    { "index.js": 'export const type = "deep";' },
  );
  installEsm("needing", `import { type } from "needed"; ${esm(strategyText("deep").replace('"deep"', "type"))}`);
  const registry = await load("needing");
  expect([...registry.strategies.keys()]).toContain("deep");
});

test.each([
  ["main without an extension", { main: "lib" }, "lib.js"],
  ["no main", {}, "index.js"],
  ["exports with require and default", { exports: { require: "./no.cjs", default: "./index.js" } }, "index.js"],
])("loads CommonJS: %s", async (_, manifest, file) => {
  install(
    "old",
    { version: "1.0.0", ...manifest },
    {
      [file]: `const all = { holdfastPlugin: { apiVersion: 1, strategies: [${strategyText("old")}] } }; Object.assign(exports, all);`,
    },
  );
  expect((await load("old")).strategies.has("old")).toBe(true);
});

test("takes the directory that has the version", async () => {
  const second = mkdtempSync(join(tmpdir(), "holdfast-plugins-"));
  try {
    installEsm("twice", esm(strategyText("one")), "1.0.0");
    install(
      "twice",
      { version: "2.0.0", type: "module", exports: "./i.js" },
      { "i.js": esm(strategyText("two")) },
      second,
    );
    expect((await load("twice", "2.0.0", [prefix, second])).strategies.has("two")).toBe(true);
  } finally {
    rmSync(second, { recursive: true, force: true });
  }
});

test("says how to install what is not there", async () => {
  await expect(load("absent")).rejects.toMatchObject({
    code: "BAD_CONFIGURATION",
    hint: `npm install --prefix ${prefix} --save-exact absent@1.0.0`,
  });
  await expect(load("absent", "1.0.0", [])).rejects.toMatchObject({ code: "BAD_CONFIGURATION" });
  await expect(load("absent", "1.0.0", ["/does/not/exist"])).rejects.toMatchObject({ code: "BAD_CONFIGURATION" });
});

test("refuses another version than the one that was asked for, and names it", async () => {
  installEsm("san", esm(strategyText("san")), "1.0.1");
  await expect(load("san")).rejects.toMatchObject({
    code: "INCOMPATIBLE",
    message: expect.stringContaining("there is 1.0.1"),
  });
});

test("refuses another API version before it looks at the rest", async () => {
  installEsm("next", esm("{ type: 'next', shape: 'unknown' }", 2));
  await expect(load("next")).rejects.toMatchObject({
    code: "INCOMPATIBLE",
    message: expect.stringContaining("API version 2"),
  });
});

test("refuses a strategy that lacks a method, and names the method", async () => {
  installEsm("half", esm(strategyText("half", { without: "cut" })));
  await expect(load("half")).rejects.toMatchObject({
    code: "INCOMPATIBLE",
    message: expect.stringContaining("lacks cut"),
  });
});

test("refuses two plugins of one name", async () => {
  installEsm("a", esm(strategyText("same")));
  installEsm("b", esm(strategyText("same")));
  const references = ["a", "b"].map((name) => ({ package: name, version: "1.0.0" }));
  await expect(loadPlugins({ pluginDirs: [prefix], references })).rejects.toMatchObject({
    code: "INVALID_SPEC",
    message: expect.stringMatching(/a@1\.0\.0 and b@1\.0\.0/),
  });
});

test.each([
  ["no plugin", "export const other = 1;", "INCOMPATIBLE"],
  ["a syntax error", "export const = 1;", "INCOMPATIBLE"],
  ["an error of its own", "throw new Error('licence expired');", "INCOMPATIBLE"],
  ["an import that is not installed", "import 'not-installed-anywhere';", "BAD_CONFIGURATION"],
])("refuses a package with %s", async (_, text, code) => {
  installEsm("bad", text);
  await expect(load("bad")).rejects.toMatchObject({ code });
});

test("refuses a package.json that is none", async () => {
  install("broken", { version: "1.0.0" }, { "package.json": "{" });
  await expect(load("broken")).rejects.toMatchObject({ code: "INCOMPATIBLE" });
});

test("refuses names that lead out of the directory, and ranges", async () => {
  await expect(load("../../etc")).rejects.toMatchObject({ code: "INVALID_SPEC" });
  await expect(load("san", "^1.0.0")).rejects.toMatchObject({ code: "INVALID_SPEC" });
});

test("names the strategies there are when one is asked for that there is not", async () => {
  installEsm("san", esm(strategyText("san")));
  const registry = await load("san");
  expect(() => requireStrategy(registry, "sna")).toThrow(
    expect.objectContaining({ code: "INVALID_SPEC", hint: expect.stringContaining("san") }),
  );
});

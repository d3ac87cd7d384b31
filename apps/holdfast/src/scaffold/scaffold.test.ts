import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseServiceFile } from "../service-file/read.js";
import { scaffoldOptions } from "./options.js";
import { scaffold } from "./scaffold.js";
import { writeFiles } from "./write.js";

const files = scaffold(scaffoldOptions("san-lun", "@example/holdfast-san", "1.2.3"));
let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-scaffold-"));
});
afterEach(() => rmSync(base, { recursive: true }));

test.each(["San", "san_lun", "-san", "san-", "1san", "", "../san"])("refuses the name %j", (name) => {
  expect(() => scaffoldOptions(name, undefined, "1.2.3")).toThrow(expect.objectContaining({ code: "USAGE" }));
});

test.each(["@Example/x", "a/b", "../x", ""])("refuses the package name %j", (name) => {
  expect(() => scaffoldOptions("san", name, "1.2.3")).toThrow(expect.objectContaining({ code: "USAGE" }));
});

test("names the package after the strategy, unless told otherwise", () => {
  expect(scaffoldOptions("san", undefined, "1.2.3").packageName).toBe("holdfast-storage-san");
  expect(JSON.parse(files["package.json"] ?? "")).toMatchObject({
    name: "@example/holdfast-san",
    peerDependencies: { "@holdfast/core": "^1.2.3" },
  });
});

test("writes a service file that this Holdfast reads, with the plugin in the version that the package has", () => {
  const { service } = parseServiceFile(files["service.example.yaml"] ?? "", "service.example.yaml");
  const { version } = JSON.parse(files["package.json"] ?? "");
  expect(service.spec.plugins).toEqual([{ package: "@example/holdfast-san", version }]);
  expect(service.spec.storage[0]?.strategy).toBe("san-lun");
});

test("puts the name everywhere, and leaves nothing to be filled in", () => {
  for (const [path, text] of Object.entries(files)) expect(text, path).not.toMatch(/\$\{|TODO|\[object/);
  expect(files["src/index.js"]).toContain("createSanLunStrategy");
});

test("writes into a new directory and into an empty one", async () => {
  await writeFiles(join(base, "new/deeper"), files);
  expect(existsSync(join(base, "new/deeper/src/strategy.js"))).toBe(true);
  await writeFiles(mkdtempSync(join(base, "empty-")), files);
});

test("writes nothing where something is", async () => {
  writeFileSync(join(base, "notes.txt"), "");
  await expect(writeFiles(base, files)).rejects.toMatchObject({ code: "INVALID_SPEC" });
  await expect(writeFiles(join(base, "notes.txt"), files)).rejects.toMatchObject({ code: "INVALID_SPEC" });
  expect(readdirSync(base)).toEqual(["notes.txt"]);
});

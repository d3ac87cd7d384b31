import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claimDirectory, readOwner, releaseDirectory, requireSearchable } from "./layout.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hf-layout-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a directory belongs to one cluster at a time", () => {
  const layout = claimDirectory(join(directory, "c"), "one");
  expect(() => claimDirectory(join(directory, "c"), "two")).toThrow(expect.objectContaining({ code: "BUSY" }));
  releaseDirectory(layout, "one");
  expect(claimDirectory(join(directory, "c"), "two").directory).toBe(layout.directory);
  expect(readOwner(layout)).toMatchObject({ id: "two", ended: false });
});

test("what a dead cluster left is replaced", () => {
  const layout = claimDirectory(join(directory, "c"), "one");
  writeFileSync(layout.owner, JSON.stringify({ v: 1, id: "dead", pid: 1, startTicks: "not that process" }));
  writeFileSync(join(layout.directory, "old"), "");
  claimDirectory(layout.directory, "two");
  expect(() => writeFileSync(join(layout.directory, "old"), "", { flag: "wx" })).not.toThrow();
});

test("refuses a directory that holds something else, and leaves it alone", () => {
  writeFileSync(join(directory, "precious"), "data");
  expect(() => claimDirectory(directory, "one")).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
  expect(() => writeFileSync(join(directory, "precious"), "", { flag: "wx" })).toThrow("EEXIST");
});

test("refuses a path that is too long for sockets", () => {
  expect(() => claimDirectory(`/tmp/${"x".repeat(80)}`, "one")).toThrow(
    expect.objectContaining({ code: "INVALID_SPEC" }),
  );
});

test("a closed directory on the way to the volume is named before anything is started", () => {
  chmodSync(directory, 0o700);
  const refused = expect.objectContaining({ code: "DENIED", hint: expect.stringContaining(`chmod o+x ${directory}`) });
  expect(() => requireSearchable(directory, "redis")).toThrow(refused);
  chmodSync(directory, 0o711);
  expect(() => requireSearchable(directory, "redis")).not.toThrow();
});

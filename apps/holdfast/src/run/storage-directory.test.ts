import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@holdfast/core";
import { expect, test } from "vitest";
import type { StorageSpec } from "../storage/spec.js";
import { makeStorageDirectory, removeStorageDirectory } from "./storage-directory.js";

const said: string[] = [];
const logger: Logger = { log: (_, message) => void said.push(message) };

test("it is removed with all that is in it", () => {
  const directory = makeStorageDirectory({ service: "x" } as StorageSpec, {});
  mkdirSync(join(directory, "work"));
  removeStorageDirectory(directory, logger);
  expect(existsSync(directory)).toBe(false);
});

test.runIf(process.getuid?.() === 0)("what is mounted below it is never touched", () => {
  const directory = makeStorageDirectory({ service: "x" } as StorageSpec, {});
  const place = join(directory, "volume");
  mkdirSync(place);
  execFileSync("mount", ["-t", "tmpfs", "none", place]);
  try {
    writeFileSync(join(place, "data"), "precious");
    removeStorageDirectory(directory, logger);
    expect(existsSync(join(place, "data"))).toBe(true);
    expect(said.join()).toContain("still mounted");
  } finally {
    execFileSync("umount", [place]);
    removeStorageDirectory(directory, logger);
  }
  expect(existsSync(directory)).toBe(false);
});

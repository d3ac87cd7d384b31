// @ts-check
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { glibcFloor, readElfNeeds } from "./elf.mjs";

test("the needs of this very Node include glibc, and a version that is there", () => {
  const { libraries, versions } = readElfNeeds(process.execPath);
  expect(libraries).toContain("libc.so.6");
  const here = /(\d+\.\d+)\s*$/m.exec(spawnSync("ldd", ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? "";
  expect(Number(glibcFloor(versions).split(".")[1])).toBeLessThanOrEqual(Number(here.split(".")[1]));
});

test("the floor is the highest version, compared as numbers", () => {
  expect(glibcFloor(["GLIBC_2.9", "GLIBC_2.28", "GLIBC_2.3.4", "GCC_4.2.0", "GLIBCXX_3.4.21"])).toBe("2.28");
  expect(() => glibcFloor(["GCC_4.2.0"])).toThrow("no glibc version");
});

test("what is not an executable is refused", () => {
  expect(() => readElfNeeds(fileURLToPath(import.meta.url))).toThrow("not a 64-bit little-endian ELF file");
});

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scratch } from "./harness.js";

const script = join(import.meta.dirname, "..", "build.sh");

/** The build script where only these programs can be found. */
function build(programs: readonly string[], ...args: string[]) {
  const bin = join(scratch(), "bin");
  mkdirSync(bin);
  for (const program of [...programs, "sh", "dirname", "cat", "wc", "mkdir", "mv", "rm", "chmod"]) {
    const found = spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim();
    symlinkSync(found, join(bin, program));
  }
  return spawnSync(script, args, { env: { PATH: bin }, encoding: "utf8" });
}

test("names the packages that are missing, and leaves nothing behind", () => {
  const output = join(scratch(), "out", "holdfast-init");
  for (const [kind, packages] of [
    ["auto", "gcc libc6-dev"],
    ["glibc", "gcc libc6-dev"],
    ["musl", "gcc musl-tools"],
  ] as const) {
    const { status, stdout, stderr } = build([], output, kind);
    expect([kind, status, stdout]).toEqual([kind, 1, ""]);
    expect(stderr).toContain(`missing Debian packages: ${packages}\n`);
  }
  expect(existsSync(output)).toBe(false);
});

test("a usage error is 64", () => {
  expect(build([]).status).toBe(64);
  expect(build([], "out", "dietlibc").status).toBe(64);
});

test("builds without a warning with the compiler that is here, and says how large it is", () => {
  const output = join(scratch(), "holdfast-init");
  const { status, stdout, stderr } = spawnSync(script, [output], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/holdfast-init: \d+ bytes, static (musl|glibc)\n$/);
  expect(spawnSync(output, ["version"], { env: {}, encoding: "utf8" }).stdout).toContain('"protocol":1');
});

// @ts-check
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const script = join(dirname(fileURLToPath(import.meta.url)), "leftovers.mjs");

test("a process of the run that outlives its part is found, whatever session it is in", async () => {
  const directory = mkdtempSync(join(tmpdir(), "leftovers-"));
  const env = { ...process.env, HOLDFAST_CI_RUN: directory, HOLDFAST_CI_PID: "" };
  const file = join(directory, "before.json");
  const look = (/** @type {string} */ mode) =>
    spawnSync(process.execPath, [script, mode, file], { env, encoding: "utf8" });
  try {
    expect(look("--remember").status).toBe(0);
    const daemon = spawn("sleep", ["60"], { env, detached: true, stdio: "ignore" });
    await once(daemon, "spawn");
    const found = look("--since");
    expect(found.stderr).toContain(`left behind: process ${daemon.pid}: sleep 60`);
    expect(found.status).toBe(1);
    daemon.kill("SIGKILL");
    await once(daemon, "exit");
    expect(look("--since").stdout).toContain("nothing was left behind");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("it does not guess which run is meant", () => {
  const { HOLDFAST_CI_RUN: _, ...env } = process.env;
  expect(spawnSync(process.execPath, [script, "--since", "x"], { env }).status).toBe(64);
});

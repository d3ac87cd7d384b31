import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDirectoryStore, readLockStatus } from "@holdfast/coordination";
import { storePaths } from "@holdfast/core";
import { afterEach, beforeEach, expect, test } from "vitest";

/** Whoever reads the messages may go away: a log collector that is restarted, `| head`. */
const PROGRAM = fileURLToPath(new URL("../dist/holdfast.cjs", import.meta.url));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hf-output-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const exitOf = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => {
    child.once("exit", (code) => resolve(code));
  });

test("a run goes on and ends cleanly when nobody reads its messages any more", async () => {
  const store = createDirectoryStore({ directory });
  await store.open({ timeoutMs: 5_000 });
  const application = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"];
  const args = [PROGRAM, "run", "--first-run", "--service", "orders", "--store", `dir://${directory}`, "--"];
  const run = spawn(process.execPath, [...args, ...application], { stdio: ["ignore", "ignore", "pipe"] });
  try {
    const ended = exitOf(run);
    let seen = "";
    await new Promise<void>((resolve, reject) => {
      run.stderr.on("data", (chunk: Buffer) => {
        seen += chunk.toString();
        if (seen.includes("runs under epoch")) resolve();
      });
      void ended.then(() => reject(new Error(seen)));
    });
    run.stderr.destroy();
    run.kill("SIGTERM"); // of which it tells
    expect(await ended).toBe(0);
    const paths = {
      lease: storePaths.lease("orders"),
      history: storePaths.history("orders"),
      queue: storePaths.queue("orders"),
    };
    const bound = { timeoutMs: 5_000, signal: AbortSignal.timeout(10_000) };
    const { history } = await readLockStatus({ store, paths }, bound);
    expect(history?.entries.map(({ kind }) => kind)).toContain("stopped");
  } finally {
    run.kill("SIGKILL");
    await store.close();
  }
});

test("a command whose output is cut off ends without a word", async () => {
  const help = spawn(process.execPath, [PROGRAM, "doctor", "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  help.stdout.destroy();
  let said = "";
  help.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  expect([0, 141]).toContain(await exitOf(help));
  expect(said).toBe("");
});

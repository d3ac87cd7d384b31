import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { guard, isLive, until } from "./support/harness.js";

test("says first what protects, then runs the application with the grant in its environment", async () => {
  const run = guard({ modes: ["environment"], config: { task: "task-1" } });
  expect(await run.ended).toMatchObject({ code: 0 });
  expect(run.stderr().split("\n")[0]).toBe(
    "holdfast: info: protection: pid-namespace + deadline-init; no volume is guarded, only the process; grade lease-only; worst case takeover 3.8 s",
  );
  const environment = JSON.parse(readFileSync(run.data, "utf8"));
  expect(environment).toMatchObject({
    HOLDFAST_SERVICE: "orders-db",
    HOLDFAST_RUN: "run-1",
    HOLDFAST_EPOCH: "7",
    HOLDFAST_AGENT: "agent-1",
  });
  expect(environment.HOLDFAST_DATA_DIR).toBeUndefined();
  expect(run.stdout()).toBe("");
  expect(run.outcome().report).toMatchObject({
    exitCode: 0,
    origin: "application",
    epoch: "7",
    run: "run-1",
    released: true,
  });
  // The tree was announced and the start recorded before anything could write; the release came last.
  const order = run
    .lock()
    .flatMap((entry) => entry.heard ?? [])
    .filter((heard) => heard !== "renew");
  expect(order).toEqual(["config", "acquire", "tree", "history", "release"]);
});

test.each([
  [["exit=0"], 0],
  [["exit=3"], 3],
  [["exit=255"], 255],
  [["raise=SIGSEGV"], 128 + constants.signals.SIGSEGV],
  [["raise=SIGKILL"], 137],
  [["raise=SIGTERM"], 143],
])("passes on how the application ended: %j is exit code %i", async (modes, code) => {
  const run = guard({ modes });
  expect(await run.ended).toMatchObject({ code, signal: null });
  expect(run.outcome().report).toMatchObject({ exitCode: code, origin: "application", code: null, released: true });
});

test("a command that is missing is 127, one that cannot be executed 126, and the lease is given back", async () => {
  const missing = guard({ config: { command: ["/nonexistent/program"] } });
  expect(await missing.ended).toMatchObject({ code: 127 });
  expect(missing.outcome().report).toMatchObject({ code: "COMMAND_NOT_FOUND", origin: "holdfast", released: true });
  const plain = join(missing.directory, "plain");
  writeFileSync(plain, "#!/bin/sh\n", { mode: 0o644 });
  const refused = guard({ config: { command: [plain] } });
  expect(await refused.ended).toMatchObject({ code: 126 });
  expect(refused.outcome().report).toMatchObject({ code: "COMMAND_NOT_EXECUTABLE", released: true });
  expect(refused.stderr()).toContain("holdfast: info: hint: ");
});

test("leaves standard input and output to the application", async () => {
  const run = guard({ modes: ["stdin"], stdin: "pipe" });
  run.process.stdin?.end("from outside\n");
  expect(await run.ended).toMatchObject({ code: 0 });
  await until("its output", () => run.stdout() !== "");
  expect(run.stdout()).toBe("read from outside\n");
});

test("a daemon that the application left behind ends with it, before the release", async () => {
  const run = guard({ modes: ["daemon"] });
  expect(await run.ended).toMatchObject({ code: 7 });
  const released = run.heard("release").at(0);
  expect(released?.state).toEqual({ kind: "released" });
  expect(run.beats().every((atMs) => atMs < (released?.atMs ?? 0))).toBe(true);
  const pids = run.events().filter((event) => event.startsWith("start ")).length;
  expect(pids).toBeGreaterThanOrEqual(1);
});

test("waits for the lease, names its holder, and leaves the queue at once on SIGTERM", async () => {
  const run = guard({ behaviour: { acquire: "wait" } });
  await until("it waits", () => run.stderr().includes("held by run run-0 on agent agent-0"));
  run.process.kill("SIGTERM");
  expect(await run.ended).toMatchObject({ code: 143 });
  expect(run.heard("leave")).toHaveLength(1);
  expect(run.heard("release")).toEqual([]);
  expect(existsSync(`${run.data}.events`)).toBe(false);
  expect(run.outcome().report).toMatchObject({ origin: "holdfast", signal: "SIGTERM", epoch: null, released: false });
});

test("a lease that was not to be had ends with the code of the reason and starts nothing", async () => {
  const failure = { code: "HELD_BY_OTHER", message: "The lease is held.", hint: "Wait." };
  const run = guard({ behaviour: { acquire: "fail", failure } });
  expect(await run.ended).toMatchObject({ code: 75 });
  expect(run.outcome().report).toMatchObject({ code: "HELD_BY_OTHER", cause: "The lease is held.", hint: "Wait." });
  expect(run.events()).toEqual([]);
  expect(run.lock().some((entry) => isLive(entry.pid))).toBe(false);
});

test("numbers that contradict each other start nothing", async () => {
  const run = guard({
    config: { timing: { leaseMs: 1_000, renewMs: 250, stopBudgetMs: 900, marginMs: 600, guardMs: 300 } },
  });
  expect(await run.ended).toMatchObject({ code: 78 });
  expect(run.outcome().report).toMatchObject({ code: "IMPOSSIBLE_BUDGET", released: false });
  expect(run.lock()).toEqual([]);
});

test("waits for a fence receipt, and gives up with 83 when none comes", async () => {
  const pendingFence = { epoch: "5", agent: "agent-0", what: "a process hangs" };
  const fenced = guard({ behaviour: { pendingFence } });
  await until("it waits", () => fenced.stderr().includes("waiting for a fence receipt"));
  expect(fenced.events()).toEqual([]);
  fenced.behave({ pendingFence, fenced: "5" });
  await fenced.running();
  fenced.process.kill("SIGTERM");
  await fenced.ended;
  const alone = guard({ behaviour: { pendingFence }, config: { attachTimeoutMs: 600 } });
  expect(await alone.ended).toMatchObject({ code: 83 });
  expect(alone.outcome().report).toMatchObject({ code: "UNFENCEABLE", released: true });
  expect(alone.events()).toEqual([]);
});

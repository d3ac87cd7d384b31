import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMachineIdentity } from "@holdfast/effects";
import type { Launch } from "@holdfast/orchestrator-local";
import { createFakeLogger, until } from "@holdfast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MachineAgent } from "./machine-agent.js";

/** Real processes on this machine. A second agent on the same directory is what a restarted controller has. */
let directory: string;
let agent: MachineAgent;
let first: string;
const WAIT = { timeoutMs: 8_000 };
const { signal } = new AbortController();
const { bootId } = readMachineIdentity();
const begin = (boot = bootId) =>
  new MachineAgent({ id: "m1", directory, bootId: boot, bind: "127.0.0.1", logger: createFakeLogger() });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-machine-"));
  agent = begin();
  first = randomUUID();
});

afterEach(async () => {
  for (const { id, state } of await agent.tasks(signal)) if (state !== "ended") await agent.kill(id, signal);
  await until(
    "everything to end",
    async () => (await agent.tasks(signal)).every(({ state }) => state === "ended"),
    WAIT,
  );
  rmSync(directory, { recursive: true });
});

function launch(script: string, overrides: { readonly id?: string; readonly killGraceMs?: number } = {}): Launch {
  return {
    ...{ id: overrides.id ?? first, version: "v1" },
    definition: {
      ...{
        v: 1,
        id: "orders-db",
        instances: 1,
        argv: ["sh", "-c", script],
        agents: null,
        env: { WHERE: "{{sandbox}}" },
      },
      killGraceMs: overrides.killGraceMs ?? 300,
      backoff: { firstMs: 1, factor: 1, maxMs: 1 },
      health: { graceMs: 0, intervalMs: 100, timeoutMs: 100, failuresMax: 1 },
    },
  };
}

const FOREVER = "trap 'exit 3' TERM; while :; do sleep 0.02; done";
const only = async (of = agent) => (await of.tasks(signal))[0];

test("a task is started once, in a sandbox of its own, and found by another agent on the same directory", async () => {
  await agent.launch(launch(`echo "$WHERE" > where; ${FOREVER}`), signal);
  await agent.launch(launch(FOREVER), signal);
  const again = begin();
  await again.launch(launch(FOREVER), signal);
  expect(await again.tasks(signal)).toMatchObject([
    { id: first, service: "orders-db", version: "v1", state: "running" },
  ]);
  const where = join(directory, "tasks", first, "where");
  await until("it to write", () => readFileSync(where, { flag: "a+", encoding: "utf8" }) !== "", WAIT);
  expect(readFileSync(where, "utf8").trim()).toBe(join(directory, "tasks", first));
});

test("one whose record was cut short between its start and its number is found by its mark", async () => {
  await agent.launch(launch(FOREVER), signal);
  const file = join(directory, "tasks", first, "task.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), process: null }));
  const again = begin();
  await again.launch(launch(FOREVER), signal);
  expect(await only(again)).toMatchObject({ state: "running" });
  await again.kill(first, signal);
  await until("it to end", async () => (await only(again))?.state === "ended", WAIT);
});

test("a kill asks first, says how it ended, and does not wait for ever", async () => {
  await agent.launch(launch(FOREVER), signal);
  await until("the trap to be set", async () => ((await only())?.ageMs ?? 0) > 300, WAIT);
  await agent.kill(first, signal);
  await until("it to end", async () => (await only())?.exitCode === 3, WAIT);
  const second = randomUUID();
  await agent.launch(launch("trap '' TERM; while :; do sleep 0.02; done", { id: second }), signal);
  await until("the trap to be set", async () => ((await agent.tasks(signal))[1]?.ageMs ?? 0) > 300, WAIT);
  await agent.kill(second, signal);
  expect((await agent.tasks(signal))[1]).toMatchObject({ state: "killing" });
  await until("it to be killed", async () => (await agent.tasks(signal))[1]?.signal === "SIGKILL", WAIT);
});

test("after a reboot nothing of before is taken for alive, whatever has its number now", async () => {
  await agent.launch(launch(FOREVER), signal);
  expect(await only(begin("another-boot"))).toMatchObject({ state: "ended", exitCode: null });
});

test("what cannot be started says so", async () => {
  const missing = launch("");
  const definition = { ...missing.definition, argv: ["no-such-program"] as [string] };
  await expect(agent.launch({ ...missing, definition }, signal)).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
  expect(await only()).toMatchObject({ state: "ended" });
});

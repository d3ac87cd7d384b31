import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDirectoryStore, readLockStatus } from "@holdfast/coordination";
import { type CoordinationStore, storePaths } from "@holdfast/core";
import { readProcess } from "@holdfast/effects";
import { until } from "@holdfast/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/**
 * The program as an operator has it, on one machine: a controller with the local orchestrator, a directory store, and a
 * service on the machine's own disk. The controller is killed with -9; what runs must not notice.
 */
const PROGRAM = fileURLToPath(new URL("../dist/holdfast.cjs", import.meta.url));
const SERVICE = "orders-db";
const LIMIT_MS = 50_000;
const WAIT = { timeoutMs: LIMIT_MS };

let scratch: string;
let file: string;
let store: string;
let reader: CoordinationStore;
let controller: ChildProcess | undefined;
let api: string;
let tokens: { readonly file: string; readonly admin: string; readonly view: string };

interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function holdfast(...args: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const options = { timeout: LIMIT_MS, killSignal: "SIGKILL" } as const;
    execFile(process.execPath, [PROGRAM, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      resolve({ exitCode: typeof code === "number" ? code : -1, stdout, stderr });
    });
  });
}

const asked = (...args: readonly string[]) => holdfast(...args, "--controller", api, "--token-file", tokens.admin);

// biome-ignore lint/suspicious/noExplicitAny: the form of answers is checked by the API's own tests
async function json(...args: readonly string[]): Promise<any> {
  const answer = await asked(...args, "--json");
  expect(answer, `${answer.stderr}${answer.stdout}`).toMatchObject({ exitCode: 0 });
  return JSON.parse(answer.stdout);
}

const lockStatus = () => {
  const paths = {
    ...{ lease: storePaths.lease(SERVICE), history: storePaths.history(SERVICE), queue: storePaths.queue(SERVICE) },
  };
  return readLockStatus({ store: reader, paths }, { timeoutMs: 5_000, signal: AbortSignal.timeout(LIMIT_MS) });
};
const logFile = () => join(scratch, "controller.log");

async function startController(): Promise<void> {
  const log = openSync(logFile(), "w");
  const args = ["--store", store, "--listen", "127.0.0.1:0", "--tokens-file", tokens.file, "--agent", "m1"];
  const timing = ["--lease-ms", "3000", "--round-ms", "500", "--work-dir", join(scratch, "work")];
  controller = spawn(process.execPath, [PROGRAM, "controller", ...args, ...timing], { stdio: ["ignore", log, log] });
  const url = () => /"the API answers","url":"([^"]+)"/.exec(readFileSync(logFile(), "utf8"))?.[1];
  await until("the API to answer", () => url() !== undefined, WAIT);
  api = url() ?? "";
}

async function stopController(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
  const child = controller;
  if (child === undefined) return null;
  controller = undefined;
  child.kill(signal);
  await until("the controller to end", () => child.exitCode !== null || child.signalCode !== null, WAIT);
  return child.exitCode;
}

function writeService(command: string): void {
  const spec = {
    engine: { type: "process", command: ["sh", "-c", command] },
    storage: [{ strategy: "local-pin", mountPath: join(scratch, "mount"), options: { path: join(scratch, "disk") } }],
    exclusivity: { leaseMs: 6_000, renewMs: 500, stopBudgetMs: 1_500, marginMs: 1_600 },
    resources: { cpus: 1, memMiB: 64 },
  };
  writeFileSync(
    file,
    JSON.stringify({ apiVersion: "holdfast/v1", kind: "Service", metadata: { name: SERVICE }, spec }),
  );
}

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "holdfast-controller-"));
  for (const name of ["disk", "mount", "store"]) mkdirSync(join(scratch, name));
  store = `dir://${join(scratch, "store")}`;
  reader = createDirectoryStore({ directory: join(scratch, "store") });
  await reader.open({ timeoutMs: 5_000 });
  file = join(scratch, "service.yaml");
  writeService("trap 'exit 0' TERM; while :; do sleep 0.05; done");
  const marked = await holdfast("volume", "init", "--first-run", "--agent", "m1", "-f", file, "--store", store);
  expect(marked, marked.stderr).toMatchObject({ exitCode: 0 });
  tokens = { file: join(scratch, "tokens.json"), admin: join(scratch, "admin"), view: join(scratch, "view") };
  for (const role of ["admin", "view"] as const) {
    const made = await holdfast("controller", "token", "--tokens-file", tokens.file, "--name", role, "--role", role);
    expect(made, made.stderr).toMatchObject({ exitCode: 0 });
    writeFileSync(tokens[role], made.stdout, { mode: 0o600 });
  }
  await startController();
}, 2 * LIMIT_MS);

afterAll(async () => {
  await stopController("SIGTERM");
  // Runs outlive a controller; those of a test that failed must not outlive the test.
  const tasks = join(scratch, "work", "tasks");
  for (const id of existsSync(tasks) ? readdirSync(tasks) : []) {
    const { process: of } = JSON.parse(readFileSync(join(tasks, id, "task.json"), "utf8"));
    if (of !== null && readProcess(of.pid)?.startTicks === of.startTicks) process.kill(of.pid, "SIGKILL");
  }
  await reader.close();
  rmSync(scratch, { recursive: true, force: true });
}, 2 * LIMIT_MS);

/** From one test to the next: the run that holds the lease. */
let run: string;

test("a plan shows what an apply would do, and its hash applies it", { timeout: 2 * LIMIT_MS }, async () => {
  const plan = await json("plan", "-f", file);
  expect(plan).toMatchObject({ action: "create", effect: { effect: "create" }, grade: { grade: "lease-only" } });
  const unread = await asked("apply", "-f", file);
  expect(unread).toMatchObject({ exitCode: 64, stdout: expect.stringContaining(plan.hash) });
  const wrong = await asked("apply", "-f", file, "--plan-hash", "0".repeat(32));
  expect(wrong.stderr).toContain("VERSION_CONFLICT");
  const applied = await json("apply", "-f", file, "--plan-hash", plan.hash, "--wait", "40s");
  expect(applied).toMatchObject({ applied: { generation: 1 }, status: { state: "settled" } });
  await until("the run to hold the lease", async () => (await lockStatus()).record?.state.kind === "held", WAIT);
  run = (await lockStatus()).record?.run ?? "";
});

test("status, explain and history say who holds it, in tables and as JSON", { timeout: LIMIT_MS }, async () => {
  const table = await asked("status");
  expect(table.stdout).toMatch(/^SERVICE +STATE +HOLDER/);
  expect(table.stdout).toMatch(/orders-db +settled +m1 /);
  expect(await json("explain", SERVICE)).toMatchObject({ state: "settled", holder: { agent: "m1", run } });
  expect((await asked("explain", SERVICE)).stdout).toContain("next: nothing needs doing");
  expect((await asked("history", SERVICE)).stdout).toContain("reconcile done");
});

test("a token of a lower role and a wrong one are refused", { timeout: LIMIT_MS }, async () => {
  const refused = await holdfast("apply", "-f", file, "--yes", "--controller", api, "--token-file", tokens.view);
  expect(refused.stderr).toContain("DENIED");
  expect((await holdfast("status", "--controller", api)).stderr).toContain("DENIED");
});

test("killed with -9, a controller goes on where it was, and the run does not notice", {
  timeout: 2 * LIMIT_MS,
}, async () => {
  const starts = async () => (await lockStatus()).history?.entries.filter(({ kind }) => kind === "started").length;
  const before = await starts();
  await stopController("SIGKILL");
  expect((await lockStatus()).record).toMatchObject({ run, state: { kind: "held" } });
  await startController();
  await until(
    "the new one to lead and to see the task",
    async () => {
      const status = await json("status", SERVICE);
      return status.state === "settled" && status.tasks.some((task: { state: string }) => task.state === "running");
    },
    WAIT,
  );
  expect((await lockStatus()).record).toMatchObject({ run, state: { kind: "held" } });
  expect(await starts()).toBe(before);
});

test("a switchover through the controller is followed to the start of the next run", {
  timeout: 2 * LIMIT_MS,
}, async () => {
  const dry = await asked("switchover", SERVICE, "--dry-run");
  expect(dry.stdout).toContain("nothing is done");
  expect((await lockStatus()).record).toMatchObject({ run, state: { kind: "held" } });
  const done = await json("switchover", SERVICE, "--reason", "kernel update");
  expect(done).toMatchObject({ kind: "switchover", state: "done", by: "admin", reason: "kernel update" });
  const { record } = await lockStatus();
  expect(record).toMatchObject({ agent: "m1", state: { kind: "held" } });
  expect(record?.run).not.toBe(run);
  run = record?.run ?? "";
  const refused = await asked("failover", SERVICE);
  expect(refused).toMatchObject({ exitCode: 64, stderr: expect.stringContaining("--confirm") });
});

test("while it is paused nothing is done, afterwards the change is", { timeout: 2 * LIMIT_MS }, async () => {
  await json("pause", SERVICE, "--for", "1h", "--reason", "kernel update");
  writeService("trap 'exit 0' TERM; while :; do sleep 0.1; done");
  const applied = await json("apply", "-f", file, "--yes");
  expect(applied.plan).toMatchObject({ action: "update", effect: { effect: "restart" } });
  expect(await json("status", SERVICE)).toMatchObject({ code: "PAUSED", generation: 2 });
  expect((await lockStatus()).record).toMatchObject({ run, state: { kind: "held" } });
  await json("resume", SERVICE);
  await until(
    "another run to hold the lease",
    async () => {
      const { record } = await lockStatus();
      return record?.state.kind === "held" && record.run !== run;
    },
    WAIT,
  );
  expect((await lockStatus()).history?.entries.map(({ kind }) => kind)).toContain("stopped");
});

test("destroy prints what stays and a token, and with it stops the service for good", {
  timeout: 2 * LIMIT_MS,
}, async () => {
  writeFileSync(join(scratch, "disk", "precious"), "data");
  const plan = await json("destroy", SERVICE);
  expect(plan.keeps).toEqual([expect.stringContaining("the data of data")]);
  expect((await asked("destroy", SERVICE, "--confirm", "yes")).exitCode).toBe(64);
  await json("destroy", SERVICE, "--confirm", plan.confirm);
  await until("the tombstone", async () => (await lockStatus()).record?.state.kind === "destroyed", WAIT);
  expect(readFileSync(join(scratch, "disk", "precious"), "utf8")).toBe("data");
  await until("nothing to be listed", async () => (await json("status")).services.length === 0, WAIT);
  expect(await stopController("SIGTERM")).toBe(0);
});

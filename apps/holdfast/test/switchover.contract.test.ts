import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDirectoryStore, readLockStatus } from "@holdfast/coordination";
import { type CoordinationStore, storePaths } from "@holdfast/core";
import { until } from "@holdfast/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/** The operator's commands against real runs of one machine: a directory store, data on the machine's own disk. */
const PROGRAM = fileURLToPath(new URL("../dist/holdfast.cjs", import.meta.url));
const SERVICE = "orders-db";
const LIMIT_MS = 40_000;
const WAIT = { timeoutMs: LIMIT_MS };

interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

let scratch: string;
let file: string;
let store: string;
let reader: CoordinationStore;
const runs: ChildProcess[] = [];

function holdfast(...args: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { timeout: LIMIT_MS, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        resolve({ exitCode: typeof code === "number" ? code : -1, stdout, stderr });
      },
    );
  });
}

const about = (...command: readonly string[]) => holdfast(...command, "-f", file, "--store", store);

const context = () => ({
  store: reader,
  paths: {
    lease: storePaths.lease(SERVICE),
    history: storePaths.history(SERVICE),
    queue: storePaths.queue(SERVICE),
  },
});
const status = () => readLockStatus(context(), { timeoutMs: 5_000, signal: AbortSignal.timeout(LIMIT_MS) });
const history = async () => (await status()).history?.entries ?? [];

function startRun(): ChildProcess {
  const args = [PROGRAM, "run", "-f", file, "--store", store, "--agent", "m1", "--wait"];
  const run = spawn(process.execPath, args, { stdio: "ignore" });
  runs.push(run);
  return run;
}

async function ended(run: ChildProcess): Promise<number | null> {
  await until("the end of a run", () => run.exitCode !== null || run.signalCode !== null, WAIT);
  return run.exitCode;
}

const startedEpochs = async () => (await history()).filter(({ kind }) => kind === "started").map(({ epoch }) => epoch);

/** One run that has started, and one that waits for its lease. */
let holder: ChildProcess;
let epoch: bigint;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "holdfast-switchover-"));
  for (const name of ["disk", "mount", "store"]) mkdirSync(join(scratch, name));
  store = `dir://${join(scratch, "store")}`;
  reader = createDirectoryStore({ directory: join(scratch, "store") });
  await reader.open({ timeoutMs: 5_000 });
  file = join(scratch, "service.yaml");
  const terms = join(scratch, "terms");
  writeFileSync(terms, "");
  const command = `trap 'echo term >> ${terms}; exit 0' TERM; while :; do sleep 0.05; done`;
  const spec = {
    engine: { type: "process", command: ["sh", "-c", command] },
    storage: [{ strategy: "local-pin", mountPath: join(scratch, "mount"), options: { path: join(scratch, "disk") } }],
    exclusivity: { leaseMs: 6_000, renewMs: 500, stopBudgetMs: 1_500, marginMs: 1_600 },
    resources: { cpus: 1, memMiB: 64 },
  };
  const service = { apiVersion: "holdfast/v1", kind: "Service", metadata: { name: SERVICE }, spec };
  writeFileSync(file, JSON.stringify(service));
  const marked = await about("volume", "init", "--first-run", "--agent", "m1");
  expect(marked, marked.stderr).toMatchObject({ exitCode: 0 });
  const none = await about("failover", "--dry-run");
  expect(none.stderr).toContain("NOT_FOUND");
  const before = (await startedEpochs()).length;
  holder = startRun();
  await until("the first run to start", async () => (await startedEpochs()).length > before, WAIT);
  startRun();
  await until("the second run to wait", async () => (await status()).candidates.length > 0, WAIT);
  epoch = (await status()).record?.epoch ?? 0n;
}, 2 * LIMIT_MS);

afterAll(async () => {
  for (const run of runs) run.kill("SIGTERM");
  await Promise.all(runs.map(ended));
  await reader.close();
  rmSync(scratch, { recursive: true });
});

async function expectUntouched(): Promise<void> {
  expect(holder.exitCode).toBeNull();
  expect((await status()).record).toMatchObject({ epoch, state: { kind: "held" } });
}

test("a plan says grade, budget and where the data is, and changes nothing", async () => {
  const answer = await about("plan", "--json");
  expect(answer, answer.stderr).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(answer.stdout)).toMatchObject({
    service: SERVICE,
    grade: { grade: "lease-only" },
    budget: { problems: [] },
    volumes: [{ role: "data", placement: { kind: "agents", agents: ["m1"] }, problem: null }],
  });
  await expectUntouched();
});

test("a plan names file and line of what is wrong", async () => {
  const wrong = join(scratch, "wrong.yaml");
  writeFileSync(wrong, readFileSync(file, "utf8").replace('"mountPath"', '\n"mountpath"'));
  const answer = await holdfast("plan", "-f", wrong);
  expect(answer).toMatchObject({ exitCode: 78, stderr: expect.stringContaining(`${wrong}:2:`) });
  expect(answer.stderr).toContain("mountpath");
});

test("a dry run shows the commands and changes nothing", async () => {
  const answer = await about("switchover", "--dry-run");
  expect(answer, answer.stderr).toMatchObject({ exitCode: 0 });
  expect(answer.stdout).toContain("mount --bind");
  await expectUntouched();
});

test("a failover is refused without a confirmation, and where nothing can fence; the holder lives on", async () => {
  expect(await about("failover", "--now")).toMatchObject({ exitCode: 64 });
  const refused = await about("failover", "--now", "--confirm");
  expect(refused).toMatchObject({ exitCode: 83, stderr: expect.stringContaining("UNFENCEABLE") });
  expect(refused.stderr).toContain("after its last renewal");
  await expectUntouched();
});

test("at a switchover the holder stops cleanly, the one that waits starts, and the time is accounted for", async () => {
  const answer = await about("switchover", "--reason", "kernel update", "--json");
  expect(answer, answer.stderr).toMatchObject({ exitCode: 0 });
  const result = JSON.parse(answer.stdout) as {
    readonly released: boolean;
    readonly split: readonly { readonly name: string; readonly ms: number }[];
  };
  expect(result).toMatchObject({
    from: { epoch: String(epoch) },
    to: { epoch: String(epoch + 1n) },
    released: true,
  });
  expect(await ended(holder)).toBe(0);
  expect(readFileSync(join(scratch, "terms"), "utf8")).toBe("term\n");
  const stopped = (await history()).find((entry) => entry.epoch === epoch && entry.kind === "stopped");
  expect(stopped?.note).toContain("kernel update");
  // What was released is not waited for.
  expect(result.split.find(({ name }) => name === "lease")?.ms).toBeLessThan(3_000);
});

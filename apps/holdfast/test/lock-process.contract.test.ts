import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createDirectoryStore } from "@holdfast/coordination";
import {
  type CoordinationStore,
  type LeaseRecord,
  leaseRecordFormat,
  type RequestRecord,
  requestRecordFormat,
  storePaths,
} from "@holdfast/core";
import { type ProcessIdentity, readProcess } from "@holdfast/effects";
import type { LockConfig, LockToGuard } from "@holdfast/supervisor";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LockProcess } from "../src/lock/lock-process.js";

/** The lock process without its process: what it leaves in a real store when its guard dies. */
const SERVICE = "orders-db";
const call = { timeoutMs: 2_000 };
const pending = { epoch: 7n, agent: "agent-0", what: "process 12 hangs on NFS" };

let directory: string;
let store: CoordinationStore;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-lock-"));
  store = createDirectoryStore({ directory });
  await store.open(call);
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await store.close();
  rmSync(directory, { recursive: true });
});

function leaseRecord(overrides: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    v: 1,
    service: SERVICE,
    epoch: 8n,
    run: "run-of-epoch-8",
    attempt: { nonce: "nonce-of-the-former", n: 3 },
    agent: "agent-1",
    machineId: "m",
    bootId: "b",
    leaseMs: 3_000,
    state: { kind: "held" },
    pendingFence: null,
    since: "2026-01-01T00:00:00.000Z",
    holder: { host: "h", pid: 1 },
    ...overrides,
  };
}

async function writeLease(record: LeaseRecord): Promise<{ run: string; epoch: string; created: string }> {
  const { created } = await store.create(storePaths.lease(SERVICE), leaseRecordFormat.serialize(record), call);
  return { run: record.run, epoch: record.epoch.toString(), created };
}

async function readLease(): Promise<LeaseRecord> {
  const entry = await store.get(storePaths.lease(SERVICE), call);
  if (entry === undefined) throw new Error("there is no lease record");
  return leaseRecordFormat.parse(entry.data);
}

async function start(env: Readonly<Record<string, string>> = {}): Promise<[ChildProcess, ProcessIdentity]> {
  const child = spawn("sleep", ["60"], { stdio: "ignore", env: { ...process.env, ...env } });
  children.push(child);
  await once(child, "spawn");
  const found = readProcess(child.pid ?? 0);
  if (found === undefined) throw new Error("it ended at once");
  return [child, { pid: found.pid, startTicks: found.startTicks }];
}

function startLock(resume: LockConfig["resume"]) {
  const messages: LockToGuard[] = [];
  let end: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  const lock = new LockProcess((code) => end(code));
  lock.attach({ send: (message) => void messages.push(message), flush: async () => undefined });
  lock.handle({
    type: "config",
    config: {
      service: SERVICE,
      agent: "agent-1",
      task: null,
      guardPid: 1,
      machine: { machineId: "m", bootId: "b", host: "h" },
      store: `dir://${directory}`,
      credentials: { authFile: null, tls: null },
      timing: { leaseMs: 3_000, renewMs: 300, stopBudgetMs: 500, marginMs: 500, guardMs: 500 },
      wait: { kind: "none" },
      firstRun: false,
      leaseMsMax: 3_000,
      resume,
      settle: null,
    },
  });
  const said = async (type: LockToGuard["type"]) => {
    for (const untilMs = performance.now() + 5_000; performance.now() < untilMs; await sleep(5))
      if (messages.some((message) => message.type === type)) return;
    throw new Error(`it never said ${type}: ${JSON.stringify(messages)}`);
  };
  return { lock, ended, said, messages };
}

/** It has read its grant when it answers a history request without complaint. */
async function resumed({ lock, said }: ReturnType<typeof startLock>): Promise<void> {
  for (let id = 1; (await readHistoryLength()) === 0; id++) {
    lock.handle({ type: "history", id, kind: "started", note: "" });
    await said("history-done");
    await sleep(10);
  }
}

async function readHistoryLength(): Promise<number> {
  return (await store.get(storePaths.history(SERVICE), call)) === undefined ? 0 : 1;
}

test("a resumed one whose guard dies before it confirmed anything still waits for the tree and releases", async () => {
  const process = startLock(await writeLease(leaseRecord()));
  const [child, init] = await start();
  process.lock.handle({ type: "tree", init });
  await resumed(process);
  process.lock.guardIsGone();
  await sleep(300);
  child.kill("SIGKILL");
  expect(await process.ended).toBe(0);
  expect((await readLease()).state).toEqual({ kind: "released" });
});

test("a tree that outlives every possible deadline makes it yield", async () => {
  const process = startLock(await writeLease(leaseRecord()));
  const [, init] = await start();
  process.lock.handle({ type: "tree", init });
  await resumed(process);
  process.lock.guardIsGone();
  expect(await process.ended).toBe(0);
  expect((await readLease()).state.kind).toBe("yield");
});

test("a resumed one that was told of no tree releases nothing: there may be one", async () => {
  const process = startLock(await writeLease(leaseRecord()));
  await resumed(process);
  process.lock.guardIsGone();
  await process.ended;
  expect((await readLease()).state.kind).toBe("held");
});

test("orphans of a tree whose keepers were killed make it yield, and are killed", async () => {
  const process = startLock(await writeLease(leaseRecord()));
  const [child, init] = await start();
  const [orphan] = await start({ HOLDFAST_TREE: `${init.pid}-${init.startTicks}` });
  const orphanEnded = once(orphan, "exit");
  process.lock.handle({ type: "tree", init });
  await resumed(process);
  child.kill("SIGKILL");
  process.lock.guardIsGone();
  await process.ended;
  expect((await readLease()).state.kind).toBe("yield");
  expect((await orphanEnded)[1]).toBe("SIGKILL");
});

test("a process of the tree that ends by itself a moment after its init is nothing left", async () => {
  const process = startLock(await writeLease(leaseRecord()));
  const [child, init] = await start();
  const [late] = await start({ HOLDFAST_TREE: `${init.pid}-${init.startTicks}` });
  process.lock.handle({ type: "tree", init });
  await resumed(process);
  child.kill("SIGKILL");
  await once(child, "exit");
  process.lock.guardIsGone();
  late.kill("SIGTERM");
  await process.ended;
  expect((await readLease()).state.kind).toBe("released");
});

test("a resumed one goes on waiting for the fence receipt, whatever is wrong with the request record meanwhile", async () => {
  const process = startLock(await writeLease(leaseRecord({ pendingFence: pending })));
  const path = storePaths.request(SERVICE);
  const broken = await store.create(path, Buffer.from("{"), call);
  await process.said("warning");
  const request: RequestRecord = {
    v: 1,
    service: SERVICE,
    epoch: 8n,
    run: "run-of-epoch-8",
    agent: "agent-1",
    state: "asked",
    former: [],
    steps: [],
    contexts: {},
    receipts: [
      {
        fencedEpoch: 7n,
        agent: "agent-0",
        byEpoch: 8n,
        strategy: "operator",
        at: "2026-01-01T00:00:00.000Z",
        evidence: "switched off",
      },
    ],
  };
  await store.put(path, requestRecordFormat.serialize(request), broken, call);
  await process.said("fenced");
  process.lock.handle({ type: "release", state: { kind: "released" }, note: "" });
  await process.ended;
  expect(await readLease()).toMatchObject({ state: { kind: "released" }, pendingFence: null });
});

test("a grant that was won while it was told to leave is given back", async () => {
  await writeLease(leaseRecord({ state: { kind: "released" } }));
  const process = startLock(null);
  process.lock.handle({ type: "acquire", volume: null });
  await process.said("granted");
  process.lock.handle({ type: "leave" });
  await process.ended;
  expect(await readLease()).toMatchObject({ epoch: 9n, state: { kind: "released" } });
  expect(process.messages.at(-1)?.type).toBe("released");
});

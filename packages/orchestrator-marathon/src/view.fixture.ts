import type { FenceReceipt, LeaseRecord } from "@holdfast/core";
import type { App, MarathonTask, QueueItem } from "@holdfast/marathon";
import type { RunEvidence } from "./decide/evidence.js";
import { type MarathonService, viewOf } from "./observe/observation.js";

export const SERVICE = "orders-db";
export const APP_ID = "/orders-db";
export const AGENT = "a.example";
const AT = "2026-01-02T03:04:05.678Z";

export const CHECK = { protocol: "COMMAND", command: { value: "holdfast health" } } as const;
export const RESIDENT = {
  type: "MESOS",
  volumes: [{ containerPath: "data", mode: "RW", persistent: { type: "root", size: 10 } }],
};
const REPLACED = { inactiveAfterSeconds: 0, expungeAfterSeconds: 3600 } as const;

export function makeTask(state = "TASK_RUNNING", n = 1, host = AGENT): MarathonTask {
  return { id: `orders-db.instance-${n}._app.1`, appId: APP_ID, state, host, startedAt: AT };
}

/** An app of ours that Marathon replaces by itself, with one running task. */
export function makeApp(change: Partial<App> = {}): App {
  return {
    ...{ id: APP_ID, version: AT, instances: 1, cpus: 1, mem: 512, cmd: "exec holdfast run" },
    labels: { HOLDFAST_SERVICE: SERVICE, MARATHON_SINGLE_INSTANCE_APP: "true" },
    upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
    unreachableStrategy: REPLACED,
    portDefinitions: [],
    healthChecks: [CHECK],
    deployments: [],
    ...{ tasksStaged: 0, tasksRunning: 1, tasksHealthy: 1, tasksUnhealthy: 0 },
    tasks: [makeTask()],
    ...change,
  };
}

export function makeView(change: Partial<App> | null = {}, queued: QueueItem | null = null): MarathonService {
  return viewOf(SERVICE, APP_ID, change === null ? null : makeApp(change), queued);
}

/** What `makeApp` says, as one would send it. */
export function makeDefinition(change: Record<string, unknown> = {}): Record<string, unknown> {
  const { version, deployments, tasks, tasksStaged, tasksRunning, tasksHealthy, tasksUnhealthy, ...sent } = makeApp();
  return { ...sent, ...change };
}

export function makeRecord(change: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    ...{ v: 1, service: SERVICE, epoch: 5n, run: "run-00005", agent: AGENT, machineId: "m-1", bootId: "b-1" },
    ...{
      attempt: { nonce: "nonce-001", n: 1 },
      leaseMs: 30_000,
      state: { kind: "held" },
      pendingFence: null,
      since: AT,
    },
    holder: { host: AGENT, pid: 7, task: makeTask().id },
    ...change,
  } as LeaseRecord;
}

export function makeReceipt(change: Partial<FenceReceipt> = {}): FenceReceipt {
  return {
    fencedEpoch: 5n,
    agent: AGENT,
    byEpoch: 6n,
    strategy: "shared-fs",
    at: AT,
    evidence: "not listed",
    ...change,
  };
}

/** Nobody released anything, and nothing ran out: no proof. */
export function makeEvidence(change: Partial<RunEvidence> = {}): RunEvidence {
  return { record: makeRecord(), ranOut: false, receipts: [], grade: "lease-only", roles: ["data"], ...change };
}

export const RELEASED = makeEvidence({ record: makeRecord({ state: { kind: "released" } }) });

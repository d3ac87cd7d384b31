import type { DefinitionDiff, ObservedService, ObservedTask } from "../orchestrator.js";
import type { CatalogueRecord } from "../records/catalogue.js";
import type { DecisionsRecord, Operation, PastOperation } from "../records/decisions.js";
import type { LeaseRecord } from "../records/lease.js";
import type { ObservedPlace, ServiceWorld } from "./world.js";

/** Worlds for tests of the planner. */
export const NOW_MS = Date.parse("2026-03-01T12:00:00.000Z");
export const at = (agoMs: number) => new Date(NOW_MS - agoMs).toISOString();

export const catalogue: CatalogueRecord = {
  ...{ v: 1, service: "orders-db", generation: 2, desired: "running", definition: {} },
  ...{ by: "ops", at: at(60_000), planHash: "0".repeat(16) },
};

export const decisions: DecisionsRecord = {
  ...{ v: 1, service: "orders-db", leader: 1n, current: null, past: [], acknowledged: null },
  applied: { generation: 2, digest: "d2", at: at(50_000) },
};

export const lease = (overrides: Partial<LeaseRecord> = {}): LeaseRecord => ({
  ...{ v: 1, service: "orders-db", epoch: 7n, run: "run-of-seven", attempt: { nonce: "nonce-123", n: 1 }, agent: "a" },
  ...{ machineId: "m", bootId: "b", leaseMs: 30_000, state: { kind: "held" }, pendingFence: null },
  ...{ since: at(600_000), holder: { host: "a", pid: 1 } },
  ...overrides,
});

export const task = (overrides: Partial<ObservedTask> = {}): ObservedTask => ({
  ...{ id: "task-1", agent: "a", run: "run-of-seven", state: "running", since: at(600_000), exitCode: null },
  ...overrides,
});

export function seen(
  effect: DefinitionDiff["effect"],
  observed: Partial<ObservedService> = {},
): Extract<ObservedPlace, { kind: "seen" }> {
  const there = effect !== "create";
  return {
    kind: "seen",
    observed: {
      ...{ exists: there, definition: there ? {} : null, suspended: false, tasks: there ? [task()] : [] },
      deployments: [],
      ...observed,
    },
    target: { kind: "definition", digest: "d2", diff: { effect, why: `it would ${effect}`, changes: [] } },
  };
}

export const world = (overrides: Partial<ServiceWorld> = {}): ServiceWorld => ({
  ...{ catalogue, decisions, lease: lease(), pause: null, place: seen("none"), nowMs: NOW_MS },
  ...overrides,
});

export const past = (agoMs: number, overrides: Partial<PastOperation> = {}): PastOperation => ({
  ...{ id: `operation-${agoMs}`, kind: "reconcile", by: "controller", reason: "it differed", at: at(agoMs) },
  ...{ endedAt: at(agoMs), automatic: true, generation: 2, state: "done" },
  ...overrides,
});

export const operation = (overrides: Partial<Operation> = {}): Operation => ({
  ...{ id: "operation-now", kind: "reconcile", by: "controller", reason: "it differs", at: at(0), automatic: true },
  ...{ generation: 2, digest: "d2", handover: null, state: "asked", steps: [] },
  ...overrides,
});

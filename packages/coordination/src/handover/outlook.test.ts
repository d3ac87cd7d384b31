import { DEFAULT_LEASE_TIMING, type LeaseRecord, type ObservedVolume, type RequestRecord } from "@holdfast/core";
import { createFakeStorageStrategy } from "@holdfast/testkit";
import { describe, expect, test } from "vitest";
import { fillCommand } from "./dry-run.js";
import { budgetOf, gradeOf, type Situation, volumeOutlook } from "./outlook.js";
import { timeSplit } from "./time-split.js";

const volume = { service: "s", role: "data", mountPath: "/srv/s", diskMiB: null, options: {} };
const lease: LeaseRecord = {
  ...{ v: 1, service: "s", epoch: 7n, run: "run-of-seven", attempt: { nonce: "nonce-123", n: 1 }, agent: "a" },
  ...{ machineId: "m", bootId: "b", leaseMs: 3_000, state: { kind: "held" }, pendingFence: null },
  ...{ since: "2026-01-02T03:04:05.000Z", holder: { host: "a", pid: 1 } },
};
const observed: ObservedVolume = {
  ...{ exists: true, attachments: [{ agent: "a", epoch: 7n }], fenced: [], recorded: null, detail: {} },
};
const situation = (overrides: Partial<Situation> = {}): Situation => ({
  ...{ lease, candidates: [{ run: "r", agent: "b", since: "x" }], agents: ["a", "b"], to: null },
  ...overrides,
});

describe("the outlook", () => {
  const look = (strategy = createFakeStorageStrategy(), of = situation()) =>
    volumeOutlook({ strategy, volume, observed, problem: null }, of);

  test("shows what a takeover would do, as if the holder had ended without a release", () => {
    expect(look().takeover).toMatchObject([
      { verb: "fence", former: { agent: "a", epoch: 7n } },
      { verb: "attach", agent: "b" },
    ]);
  });

  test("goes where it is wished, where somebody waits, or where the data is", () => {
    const there = { kind: "agents" as const, agents: ["home"], why: "its data" };
    const pinned = { ...createFakeStorageStrategy(), placement: () => there };
    const target = (of: Situation) => {
      const { takeover } = look(pinned, of);
      return Array.isArray(takeover) ? takeover.at(-1) : takeover;
    };
    expect(target(situation({ to: "c" }))).toMatchObject({ agent: "c" });
    expect(target(situation())).toMatchObject({ agent: "b" });
    expect(target(situation({ candidates: [] }))).toMatchObject({ agent: "home" });
  });

  test("says that the storage did not answer, and what is promised all the same", () => {
    const strategy = createFakeStorageStrategy();
    const outlook = volumeOutlook({ strategy, volume, observed: null, problem: "no route" }, situation());
    expect(outlook).toMatchObject({ takeover: null, problem: "no route" });
  });
});

test("commands carry the names of this takeover, and other words stay", () => {
  const words = { FORMER_AGENT: "a", FORMER_EPOCH: "7", AGENT: "b", EPOCH: "8" };
  expect(fillCommand("fence v FORMER-AGENT FORMER-EPOCH EPOCH; attach AGENT nbd://h/v.eEPOCH BY-EPOCH", words)).toBe(
    "fence v a 7 8; attach b nbd://h/v.e8 BY-EPOCH",
  );
});

test("a grade is no more than what the suite saw", () => {
  const untried = [{ strategy: createFakeStorageStrategy(), volume }];
  expect(gradeOf(untried, "storage-fenced")).toMatchObject({ grade: "lease-only", meetsMinimum: false });
  const proof = { backend: "memory", grade: "storage-fenced" as const, at: "x", server: "x", why: "seen" };
  const proven = [{ strategy: { ...createFakeStorageStrategy(), proof: () => proof }, volume }];
  expect(gradeOf(proven, "storage-fenced")).toMatchObject({ grade: "storage-fenced", meetsMinimum: true });
});

test("the margin is raised for the cut of every volume, as a run does it", () => {
  const slow = createFakeStorageStrategy({ capabilities: { cutMsMax: 2_000 } });
  const two = ["data", "log"].map((role) => ({ strategy: slow, volume: { ...volume, role } }));
  const budget = budgetOf(two, DEFAULT_LEASE_TIMING);
  expect(budget.cutMs).toBe(4_000);
  expect(budget.timing.marginMs).toBeGreaterThanOrEqual(budget.marginMsMin);
  expect(budget.problems.join()).not.toContain("marginMs");
});

test("the time split adds up, and takes fence and attach from the journal", () => {
  const step = (verb: "fence" | "attach", tookMs: number) => ({
    ...{ verb, role: "data", agent: "a", state: "done" as const, by: "x", at: lease.since, tookMs },
  });
  const request: RequestRecord = {
    ...{ v: 1, service: "s", epoch: 8n, run: "r", agent: "b", state: "ready", former: [] },
    ...{ contexts: {}, receipts: [], steps: [step("fence", 300), step("attach", 200)] },
  };
  const moments = { releasedMs: null, takenMs: 3_100, attachedMs: 3_700, startedMs: 4_100 };
  const split = Object.fromEntries(timeSplit(moments, request).map(({ name, ms }) => [name, ms]));
  expect(split).toEqual({ lease: 3_100, fence: 300, attach: 200, "mount and start": 500, total: 4_100 });
});

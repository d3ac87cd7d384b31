import { describe, expect, test } from "vitest";
import type { HistoryRecord } from "../records/history.js";
import type { LeaseRecord } from "../records/lease.js";
import type { FenceReceipt, RequestRecord } from "../records/request.js";
import {
  formerHolders,
  formerOfRecord,
  isFenced,
  mergeFormer,
  OPERATOR_RECEIPT,
  splitFormer,
} from "./former-decision.js";

const AT = "2026-01-02T03:04:05.000Z";
const lease = (state: LeaseRecord["state"], pendingFence: LeaseRecord["pendingFence"] = null): LeaseRecord => ({
  ...{ v: 1, service: "s", epoch: 5n, run: "run-of-five", attempt: { nonce: "nonce-123", n: 1 }, agent: "a" },
  ...{ machineId: "machine-a", bootId: "boot-a", leaseMs: 1_000, state, pendingFence, since: AT },
  holder: { host: "a", pid: 1 },
});
const holder = { agent: "a", epoch: 5n, bootId: "boot-a", machineId: "machine-a" };

describe("the record that was taken over", () => {
  test.each([
    ["a holder that went silent", lease({ kind: "held" }), [holder]],
    ["a run that left something", lease({ kind: "yield", needsFence: "pid 7" }), [holder]],
    ["a release", lease({ kind: "released" }), []],
    ["a record that nobody held", lease({ kind: "vacant" }), []],
    ["a tombstone", lease({ kind: "destroyed" }), []],
    [
      "what was pending before a release",
      lease({ kind: "released" }, { epoch: 3n, agent: "z", what: "pid 9" }),
      [{ agent: "z", epoch: 3n, bootId: null }],
    ],
    [
      "both, the older one first",
      lease({ kind: "held" }, { epoch: 3n, agent: "z", what: "pid 9" }),
      [{ agent: "z", epoch: 3n, bootId: null }, holder],
    ],
  ])("names %s", (_, record, expected) => {
    expect(formerOfRecord(record)).toEqual(expected);
  });
});

const history = (...entries: readonly [epoch: bigint, kind: "started" | "stopped" | "yielded", agent: string][]) =>
  ({
    ...{ v: 1, service: "s", epoch: 9n, leaseMsMax: 1 },
    entries: entries.map(([epoch, kind, agent]) => ({ at: AT, epoch, kind, agent, run: `run-of-${epoch}-x` })),
  }) satisfies HistoryRecord;
const request = (
  epoch: bigint,
  state: RequestRecord["state"],
  former: RequestRecord["former"] = [],
): RequestRecord => ({
  ...{ v: 1, service: "s", epoch, run: `run-of-${epoch}-x`, agent: "a", state, former },
  ...{ steps: [], contexts: {}, receipts: [] },
});

describe("holders whom a run in between did not get fenced", () => {
  const of = (before: RequestRecord | undefined, past: HistoryRecord | undefined, epoch = 7n) =>
    formerHolders({ former: [], epoch, before, history: past }).map(({ agent, epoch: e }) => `${agent}${e}`);

  test("are in its request until that was ready", () => {
    const z = [{ agent: "z", epoch: 3n, bootId: null }];
    expect(of(request(5n, "serving", z), undefined)).toEqual(["z3"]);
    expect(of(request(5n, "failed", z), undefined)).toEqual(["z3"]);
    expect(of(request(5n, "ready", z), undefined)).toEqual([]);
  });

  test("are in the history when it died before it wrote one", () => {
    expect(of(request(5n, "ready"), history([5n, "started", "a"]))).toEqual(["a5"]);
    expect(of(undefined, history([4n, "yielded", "y"], [5n, "started", "a"]))).toEqual(["y4", "a5"]);
  });

  test("are not those that stopped, nor those of before the request", () => {
    expect(of(request(5n, "ready"), history([5n, "started", "a"], [5n, "stopped", "a"]))).toEqual([]);
    expect(of(request(5n, "ready"), history([4n, "started", "a"]))).toEqual([]);
  });

  test("are not the one whose record was taken over: that one speaks for itself", () => {
    expect(of(request(5n, "ready"), history([6n, "started", "a"]))).toEqual([]);
  });

  test("stay known to a driver that goes on with the same request", () => {
    expect(of(request(7n, "ready", [{ agent: "z", epoch: 3n, bootId: null }]), undefined)).toEqual(["z3"]);
  });

  test("count once per agent, with the newest epoch", () => {
    const merged = mergeFormer([{ agent: "a", epoch: 3n, bootId: null }], [holder, { ...holder, bootId: null }]);
    expect(merged).toEqual([holder]);
  });
});

describe("a receipt", () => {
  const receipt = (overrides: Partial<FenceReceipt> = {}): FenceReceipt => ({
    ...{ fencedEpoch: 5n, agent: "a", byEpoch: 6n, strategy: "nbd", at: AT, evidence: "gone" },
    ...overrides,
  });

  test.each([
    ["covers its agent and epoch", {}, true],
    ["covers older epochs", { fencedEpoch: 9n }, true],
    ["does not cover a newer epoch", { fencedEpoch: 4n }, false],
    ["does not cover another agent, however new", { agent: "b", fencedEpoch: 9n }, false],
    ["of another volume does not cover this one", { role: "log" }, false],
    ["of this volume covers it", { role: "data" }, true],
    ["that is a person's word covers everything up to it", { agent: "b", strategy: OPERATOR_RECEIPT }, true],
    ["that is a person's word does not cover a newer epoch", { strategy: OPERATOR_RECEIPT, fencedEpoch: 4n }, false],
  ])("%s", (_, overrides, expected) => {
    expect(isFenced([receipt(overrides)], holder, "data")).toBe(expected);
  });
});

describe("on the agent that runs next", () => {
  const target = { agent: "a", bootId: "boot-a", machineId: "machine-a" };

  test("nobody is fenced, because the tree there is gone", () => {
    expect(splitFormer([holder], target)).toEqual({ remaining: [], rebooted: [] });
  });

  test("another boot of the same machine is proof by itself", () => {
    expect(splitFormer([holder], { ...target, bootId: "boot-b" })).toMatchObject({
      remaining: [],
      rebooted: [{ former: holder, evidence: expect.stringContaining("boot-a then, boot-b now") }],
    });
  });

  test("another machine under the same name proves nothing", () => {
    const moved = { ...target, machineId: "machine-b", bootId: "boot-b" };
    expect(splitFormer([holder], moved)).toEqual({ remaining: [holder], rebooted: [] });
  });

  test("an unknown boot is no proof of a new one", () => {
    const unknown = { ...holder, bootId: null };
    expect(splitFormer([unknown], { ...target, bootId: "boot-b" }).rebooted).toEqual([]);
  });

  test("others stay to be fenced, on the same kernel too", () => {
    const other = { ...holder, agent: "z" };
    expect(splitFormer([other], target).remaining).toEqual([other]);
  });
});

import { GRADES, type LeaseState } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import { AGENT, makeEvidence, makeReceipt, makeRecord, makeTask, SERVICE } from "../view.fixture.js";
import { proofOf, proofOfTask, type RunEvidence } from "./evidence.js";

const missing = (evidence: RunEvidence | null) => {
  const proof = proofOf(SERVICE, evidence);
  return proof.kind === "over" ? "nothing" : proof.missing;
};
const held: LeaseState = { kind: "held" };
const yielded: LeaseState = { kind: "yield", needsFence: "a process in D state" };
const receipts = [makeReceipt()];

describe("proofOf: every state of the record, run out or not, with and without a receipt", () => {
  const rows: [string, LeaseState, boolean, boolean, Partial<Record<(typeof GRADES)[number], string>>][] = [
    // [name, state, ranOut, receipt, what is missing by grade; others: nothing]
    [
      "held",
      held,
      false,
      false,
      { none: "lease", "lease-only": "lease", "agent-fenced": "lease", "storage-fenced": "lease" },
    ],
    [
      "held",
      held,
      false,
      true,
      { none: "lease", "lease-only": "lease", "agent-fenced": "lease", "storage-fenced": "lease" },
    ],
    ["held", held, true, false, { none: "receipt", "agent-fenced": "receipt", "storage-fenced": "receipt" }],
    ["held", held, true, true, {}],
    ["released", { kind: "released" }, false, false, {}],
    ["released", { kind: "released" }, true, true, {}],
    [
      "yield",
      yielded,
      false,
      false,
      { none: "receipt", "lease-only": "receipt", "agent-fenced": "receipt", "storage-fenced": "receipt" },
    ],
    [
      "yield",
      yielded,
      true,
      false,
      { none: "receipt", "lease-only": "receipt", "agent-fenced": "receipt", "storage-fenced": "receipt" },
    ],
    ["yield", yielded, false, true, {}],
    [
      "vacant",
      { kind: "vacant" },
      false,
      false,
      { none: "lease", "lease-only": "lease", "agent-fenced": "lease", "storage-fenced": "lease" },
    ],
    ["vacant", { kind: "vacant" }, true, false, {}],
    ["destroyed", { kind: "destroyed" }, false, false, {}],
  ];
  for (const [name, state, ranOut, receipt, lacks] of rows) {
    for (const grade of GRADES) {
      const what = lacks[grade] ?? "nothing";
      test(`${name}, ${ranOut ? "run out" : "not seen to run out"}, ${receipt ? "a" : "no"} receipt, ${grade}: ${what} is missing`, () => {
        const record = makeRecord({ state });
        expect(missing(makeEvidence({ record, ranOut, grade, receipts: receipt ? receipts : [] }))).toBe(what);
      });
    }
  }

  test("nothing was handed over, or there is no record, or it is another service's", () => {
    expect(missing(null)).toBe("evidence");
    expect(missing(makeEvidence({ record: null, ranOut: true }))).toBe("record");
    expect(missing(makeEvidence({ record: makeRecord({ service: "other", state: { kind: "released" } }) }))).toBe(
      "record",
    );
  });

  test("a receipt counts for its agent, its epoch and its role only", () => {
    const base = { record: makeRecord(), ranOut: true, grade: "storage-fenced", roles: ["data"] } as const;
    for (const change of [{ fencedEpoch: 4n }, { agent: "b.example" }, { role: "log" }]) {
      expect(missing(makeEvidence({ ...base, receipts: [makeReceipt(change)] }))).toBe("receipt");
    }
    expect(missing(makeEvidence({ ...base, receipts: [makeReceipt({ role: "data" })] }))).toBe("nothing");
    expect(missing(makeEvidence({ ...base, roles: ["data", "log"], receipts: [makeReceipt({ role: "data" })] }))).toBe(
      "receipt",
    );
    // A person's word stands for every agent.
    expect(missing(makeEvidence({ ...base, receipts: [makeReceipt({ strategy: "operator", agent: "x" })] }))).toBe(
      "nothing",
    );
  });

  test("without roles nothing is proven by a receipt", () => {
    expect(missing(makeEvidence({ ranOut: true, grade: "agent-fenced", receipts, roles: [] }))).toBe("receipt");
  });

  test("what an earlier run left behind counts, although the holder itself released", () => {
    const pendingFence = { epoch: 3n, agent: "b.example", what: "a process in D state" };
    const record = makeRecord({ state: { kind: "released" }, pendingFence });
    expect(missing(makeEvidence({ record }))).toBe("receipt");
    const fenced = [makeReceipt({ fencedEpoch: 3n, agent: "b.example" })];
    expect(missing(makeEvidence({ record, receipts: fenced }))).toBe("nothing");
  });
});

describe("proofOfTask: another task holds the lease", () => {
  const record = makeRecord({
    agent: "b.example",
    holder: { host: "b.example", pid: 1, task: makeTask("TASK_RUNNING", 2).id },
  });
  const lost = { id: makeTask().id, agent: AGENT };

  test("the former one stopped itself before: over, where the grade is that of the lease", () => {
    expect(proofOfTask(SERVICE, lost, makeEvidence({ record })).kind).toBe("over");
  });

  test("with a higher grade only with a receipt for its agent", () => {
    const evidence = makeEvidence({ record, grade: "storage-fenced" });
    expect(proofOfTask(SERVICE, lost, evidence)).toMatchObject({ kind: "open", missing: "receipt" });
    const fenced = { ...evidence, receipts: [makeReceipt({ fencedEpoch: 4n })] };
    expect(proofOfTask(SERVICE, lost, fenced).kind).toBe("over");
    const older = { ...evidence, receipts: [makeReceipt({ fencedEpoch: 3n })] };
    expect(proofOfTask(SERVICE, lost, older).kind).toBe("open");
  });

  test("the holder itself, and a record that does not name its task, are not over", () => {
    expect(proofOfTask(SERVICE, lost, makeEvidence()).kind).toBe("open");
    const unnamed = makeRecord({ holder: { host: "b.example", pid: 1 } });
    expect(proofOfTask(SERVICE, lost, makeEvidence({ record: unnamed })).kind).toBe("open");
  });

  test("nobody held it: the takeover that would have ended the other one never was", () => {
    const vacant = { ...record, state: { kind: "vacant" } as const };
    expect(proofOfTask(SERVICE, lost, makeEvidence({ record: vacant })).kind).toBe("open");
  });
});

import { describe, expect, test } from "vitest";
import { AUDIT_ENTRIES_MAX, auditRecordFormat, recordAudit } from "../records/audit.js";
import { catalogueRecordFormat } from "../records/catalogue.js";
import {
  type DecisionsRecord,
  decisionsRecordFormat,
  type Operation,
  PAST_OPERATIONS_MAX,
} from "../records/decisions.js";
import { activePause, pauseRecordFormat } from "../records/pause.js";
import { planBasis, planChange } from "./change-plan.js";
import { acknowledgeDecisions, closeOperation, isDone, noteStep, openOperation } from "./decisions.js";
import { isReleased, tookEffect } from "./operation-steps.js";
import { at, catalogue, decisions, lease, NOW_MS, operation, past, seen, task, world } from "./world.fixture.js";

const SERVICE = "orders-db";

describe("an operation", () => {
  const step = (state: "started" | "done", note = "") => ({ verb: "apply" as const, state, at: at(0), note });

  test("goes from asked, by its journal, to the past, and says then what was applied", () => {
    let record: DecisionsRecord = openOperation(undefined, SERVICE, operation());
    record = noteStep(record, "operation-now", 5n, step("started"));
    expect(record).toMatchObject({ leader: 5n, current: { state: "doing" } });
    expect(isDone(record.current as Operation, "apply")).toBe(false);
    record = noteStep(record, "operation-now", 5n, step("done"));
    expect(record.current?.steps).toHaveLength(1);
    expect(isDone(record.current as Operation, "apply")).toBe(true);
    record = closeOperation(record, "operation-now", 5n, { at: at(0) });
    expect(record).toMatchObject({
      current: null,
      applied: { generation: 2, digest: "d2" },
      past: [{ state: "done" }],
    });
  });

  test("is opened, noted and closed once, however often that is written", () => {
    const opened = openOperation(decisions, SERVICE, operation());
    expect(openOperation(opened, SERVICE, operation())).toBe(opened);
    const noted = noteStep(opened, "operation-now", 1n, step("done"));
    expect(noteStep(noted, "operation-now", 1n, step("done"))).toEqual(noted);
    const closed = closeOperation(noted, "operation-now", 1n, { at: at(0) });
    expect(closeOperation(closed, "operation-now", 1n, { at: at(0) })).toBe(closed);
    expect(openOperation(closed, SERVICE, operation())).toBe(closed);
  });

  test("that failed has applied nothing", () => {
    const failure = { code: "BUSY", message: "locked", hint: "Wait." };
    const opened = openOperation(decisions, SERVICE, operation({ digest: "d3" }));
    const closed = closeOperation(opened, "operation-now", 1n, { at: at(0), failure });
    expect(closed).toMatchObject({ applied: decisions.applied, past: [{ state: "failed", failure }] });
  });

  test("is refused while another one is under way", () => {
    const opened = openOperation(decisions, SERVICE, operation());
    expect(() => openOperation(opened, SERVICE, operation({ id: "operation-two" }))).toThrow(
      expect.objectContaining({ code: "BUSY", retryable: true }),
    );
  });

  test("of a leader that was succeeded can be written no more", () => {
    const noted = noteStep(openOperation(decisions, SERVICE, operation()), "operation-now", 6n, step("started"));
    const stale = expect.objectContaining({ code: "STALE_EPOCH" });
    expect(() => noteStep(noted, "operation-now", 5n, step("done"))).toThrow(stale);
    expect(() => closeOperation(noted, "operation-now", 5n, { at: at(0) })).toThrow(stale);
    expect(() => noteStep(noted, "another", 6n, step("done"))).toThrow(stale);
  });
});

describe("a step took effect", () => {
  const suspended = seen("none", { suspended: true });
  const silent = { kind: "silent", why: "no answer" } as const;

  test("when the world shows it, and not when nothing is known", () => {
    const held = { lease: lease() };
    expect(tookEffect("apply", { place: seen("none"), ...held })).toBe(true);
    for (const place of [seen("restart"), suspended, silent])
      expect(tookEffect("apply", { place, ...held })).toBe(false);
    expect(tookEffect("stop", { place: suspended, ...held })).toBe(true);
    for (const place of [seen("none"), silent]) expect(tookEffect("stop", { place, ...held })).toBe(false);
    expect(tookEffect("tombstone", { place: silent, ...held })).toBe(false);
    expect(tookEffect("tombstone", { place: silent, lease: lease({ state: { kind: "destroyed" } }) })).toBe(true);
  });

  test("a release is one without anything left behind", () => {
    const released = (state: "held" | "released" | "vacant" | "destroyed") =>
      isReleased(lease({ state: { kind: state } }));
    expect(["held", "released", "vacant", "destroyed"].map((s) => released(s as "held"))).toEqual([
      ...[false, true, true, true],
    ]);
    expect(isReleased(lease({ state: { kind: "yield", needsFence: "a process in D state" } }))).toBe(false);
    const pendingFence = { epoch: 6n, agent: "b", what: "a process in D state" };
    expect(isReleased(lease({ state: { kind: "released" }, pendingFence }))).toBe(false);
  });
});

describe("a plan's hash", () => {
  const basis = (...overrides: Parameters<typeof world>) =>
    JSON.stringify(planBasis(planChange(world(...overrides), catalogue, false), {}));
  const agreed = basis({ place: seen("restart") });

  test("stays while only time passes", () => {
    expect(basis({ place: seen("restart"), nowMs: NOW_MS + 3_600_000 })).toBe(agreed);
    const older = { ...decisions, past: [past(900_000)] };
    expect(basis({ place: seen("restart"), decisions: older })).toBe(agreed);
  });

  test("changes with the holder, the effect, a task out of reach, and a wait", () => {
    const moved = [
      basis({ place: seen("restart"), lease: lease({ epoch: 8n, agent: "b" }) }),
      basis({ place: seen("restart"), lease: lease({ state: { kind: "released" } }) }),
      basis({ place: seen("scale") }),
      basis({ place: seen("restart", { tasks: [task({ state: "unreachable" })] }) }),
      basis({ place: seen("restart"), pause: { owner: "o", reason: "r", since: at(1), until: at(-1) } }),
    ];
    expect(new Set([agreed, ...moved]).size).toBe(moved.length + 1);
  });

  test("says what becomes of the service", () => {
    const action = (next: typeof catalogue, before: typeof catalogue | null, same = false) =>
      planChange(world({ catalogue: next }), before, same).action;
    const gone = { ...catalogue, desired: "destroyed" as const };
    expect([action(catalogue, null), action(catalogue, catalogue), action(catalogue, catalogue, true)]).toEqual([
      ...["create", "update", "none"],
    ]);
    expect([action(gone, catalogue), action(gone, gone), action(catalogue, gone)]).toEqual([
      "destroy",
      "none",
      "create",
    ]);
  });
});

describe("records", () => {
  test("are read back as they were written, with what a newer program added, and an unknown major is refused", () => {
    const full = {
      ...decisions,
      current: operation(),
      past: [past(1)],
      acknowledged: { by: "o", at: at(0), note: "" },
    };
    const written = { ...full, later: { things: 1 } };
    expect(decisionsRecordFormat.parse(decisionsRecordFormat.serialize(written))).toEqual(written);
    expect(catalogueRecordFormat.parse(catalogueRecordFormat.serialize(catalogue))).toEqual(catalogue);
    const next = new TextEncoder().encode(JSON.stringify({ ...catalogue, v: 2 }));
    expect(() => catalogueRecordFormat.parse(next)).toThrow(expect.objectContaining({ code: "RECORD_INVALID" }));
  });

  test("stay within what the store holds, at their longest", () => {
    const ended = (text: string) => {
      let record: DecisionsRecord | undefined;
      for (let n = 0; n < PAST_OPERATIONS_MAX + 5; n++) {
        const failure = { code: "UNKNOWN_OUTCOME", message: text, hint: text };
        const own = operation({ id: `operation-${n}`, reason: text });
        record = closeOperation(openOperation(record, SERVICE, own), own.id, 1n, { at: at(0), failure });
      }
      return record as DecisionsRecord;
    };
    expect(ended("short").past.map(({ id }) => id)).toEqual(
      Array.from({ length: PAST_OPERATIONS_MAX }, (_, n) => `operation-${n + 5}`),
    );
    const longest = ended("界".repeat(300));
    expect(longest.past.at(-1)?.id).toBe(`operation-${PAST_OPERATIONS_MAX + 4}`);
    expect(longest.past.length).toBeGreaterThan(3);
    expect(decisionsRecordFormat.serialize(longest).byteLength).toBeLessThan(32 * 1024);
    const entry = { at: at(0), who: "o".repeat(100), role: "operate", action: "switchover", service: SERVICE };
    let audit: ReturnType<typeof recordAudit> | undefined;
    for (let n = 0; n < AUDIT_ENTRIES_MAX + 5; n++) {
      audit = recordAudit(audit, { ...entry, id: `audit-${n}-entry`, detail: "d".repeat(200), outcome: "asked" });
    }
    audit = recordAudit(audit, { ...entry, id: "audit-9-entry", detail: "", outcome: "done" });
    expect(audit.entries).toHaveLength(AUDIT_ENTRIES_MAX);
    expect(audit.entries.find(({ id }) => id === "audit-9-entry")?.outcome).toBe("done");
    expect(auditRecordFormat.serialize(audit).byteLength).toBeLessThan(32 * 1024);
  });

  test("a pause ends by itself", () => {
    const record = pauseRecordFormat.parse(
      pauseRecordFormat.serialize({ v: 1, pause: { owner: "ops", reason: "", since: at(1_000), until: at(-1_000) } }),
    );
    expect(activePause(record, NOW_MS)?.owner).toBe("ops");
    expect(activePause(record, NOW_MS + 1_000)).toBeNull();
    expect(activePause({ v: 1, pause: null }, NOW_MS)).toBeNull();
    expect(activePause(undefined, NOW_MS)).toBeNull();
  });

  test("an acknowledgement is kept beside what was decided", () => {
    const acknowledged = { by: "ops", at: at(0), note: "seen" };
    expect(acknowledgeDecisions(decisions, SERVICE, acknowledged)).toEqual({ ...decisions, acknowledged });
    expect(acknowledgeDecisions(undefined, SERVICE, acknowledged)).toMatchObject({ applied: null, acknowledged });
  });
});

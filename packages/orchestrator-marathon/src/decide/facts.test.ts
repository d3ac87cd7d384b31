import { describe, expect, test } from "vitest";
import { consequenceOf, consequencesOf, OPERATOR_CALLS, type OperatorCall } from "../explain/consequences.js";
import { explain } from "../explain/explain.js";
import { makeDefinition, makeEvidence, makeTask, makeView, RELEASED, RESIDENT } from "../view.fixture.js";
import { planApply } from "./apply.js";
import type { RunEvidence } from "./evidence.js";
import { planMove } from "./move.js";
import { planReplacement } from "./replacement.js";
import { planStop } from "./stop.js";

// The table of facts 4: the only task is unreachable, and the strategy is "disabled". Each of its rows is a call that
// somebody can make; for each, what Marathon would do (told to the operator), and that none of our own calls becomes it
// without proof, nor with proof where data would be lost.

const LOST = {
  unreachableStrategy: "disabled" as const,
  tasks: [makeTask("TASK_UNREACHABLE")],
  tasksHealthy: 0,
  tasksRunning: 0,
};
const KINDS = {
  ephemeral: { ...LOST, constraints: [["hostname", "IS", "a.example"]] },
  resident: { ...LOST, container: RESIDENT },
};
const none = () => new Set<string>();

const TABLE: [OperatorCall, keyof typeof KINDS, "none" | "beside" | "empty", boolean][] = [
  ["kill the task", "ephemeral", "beside", false],
  ["kill the task", "resident", "none", false],
  ["kill the task with wipe=true", "ephemeral", "beside", false],
  ["kill the task with wipe=true", "resident", "empty", true],
  ["scale to 0, then to 1", "ephemeral", "beside", false],
  ["scale to 0, then to 1", "resident", "empty", false],
  ["change or restart it, without checks", "ephemeral", "beside", false],
  ["change or restart it, without checks", "resident", "empty", false],
  ["change or restart it, with checks", "ephemeral", "none", false],
  ["change or restart it, with checks", "resident", "none", false],
  ["delete the app", "ephemeral", "beside", false],
  ["delete the app", "resident", "empty", true],
];

test("the table has every call for both kinds", () => {
  expect(TABLE).toHaveLength(OPERATOR_CALLS.length * 2);
});

describe.each(TABLE)("%s, %s", (call, kind, secondCopy, destroysVolume) => {
  const checks = call.endsWith("with checks");
  const change = { ...KINDS[kind], healthChecks: checks ? makeView().app?.healthChecks : [] };
  const view = makeView(change);
  const definition = makeDefinition({ ...change, tasks: undefined, tasksHealthy: undefined, tasksRunning: undefined });

  test("what Marathon would do is known", () => {
    expect(consequenceOf(call, { resident: kind === "resident" })).toMatchObject({ secondCopy, destroysVolume });
  });

  test("explain names it, says what not to do, and what to do", () => {
    const { situation, never, next } = explain(view, makeEvidence());
    expect(situation).toBe(kind === "resident" ? "unreachable-resident" : "unreachable-pinned");
    const applies = consequencesOf({ resident: kind === "resident", checks }).some((row) => row.call === call);
    if (call.startsWith("change")) expect(applies).toBe(checks === call.endsWith("with checks"));
    else expect(applies).toBe(true);
    const text = consequenceOf(call, { resident: kind === "resident" }).does;
    expect(never.some((line) => line.includes(call) && line.includes(text))).toBe(true);
    expect(next.length).toBeGreaterThan(0);
  });

  const ours = (evidence: RunEvidence | null) => ({
    kill: planReplacement(view, evidence),
    stop: planStop(view, { evidence, override: null }),
    "forced stop": planStop(view, { evidence, override: [] }),
    change: planApply(view, { ...definition, mem: 513 }, { evidence }),
    relabel: planApply(view, { ...definition, labels: { ...view.app?.labels, more: "x" } }, { evidence }),
    scale: planApply(view, { ...definition, instances: 0 }, { evidence }),
    move: planMove(view, { ...definition, constraints: [["hostname", "IS", "b.example"]] }, evidence, none()),
  });

  test("none of our calls does anything without proof", () => {
    for (const evidence of [null, makeEvidence(), makeEvidence({ record: null })]) {
      for (const [name, plan] of Object.entries(ours(evidence))) expect(plan.kind, name).toBe("refuse");
    }
  });

  test("with proof: never on a persistent volume, never a wipe of what is on one agent, and no deployment that hangs", () => {
    const plans = ours(RELEASED);
    expect(plans.kill).toMatchObject({ kind: "refuse", code: "UNSUPPORTED" });
    if (kind === "resident") {
      for (const [name, plan] of Object.entries(plans)) expect(plan.kind, name).toBe("refuse");
      return;
    }
    expect(plans.stop).toEqual({ kind: "stop", force: false });
    expect(plans.move).toEqual({ kind: "stop" });
    if (checks) expect(plans.change).toMatchObject({ kind: "refuse", code: "BUSY" });
    else expect(plans.change.kind).toBe("replace");
  });
});

describe("after a stop over an unreachable task", () => {
  // Marathon says that the deployment succeeded, and lists nothing or the old task; the run may be alive.
  for (const tasks of [[], [makeTask("TASK_UNREACHABLE")]]) {
    const view = makeView({ instances: 0, tasks });
    test(`${tasks.length} listed: a move does not go on without the store's word`, () => {
      const next = makeDefinition({ constraints: [["rack", "IS", "b"]] });
      expect(planMove(view, next, makeEvidence(), none()).kind).toBe("wait");
      expect(planMove(view, next, makeEvidence({ record: null }), none()).kind).toBe("wait");
      expect(planMove(view, next, RELEASED, none()).kind).toBe("apply");
    });
  }
});

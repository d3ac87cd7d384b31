import type { Deployment } from "@holdfast/marathon";
import { describe, expect, test } from "vitest";
import { APP_ID, makeDefinition, makeEvidence, makeTask, makeView, RELEASED, RESIDENT } from "../view.fixture.js";
import { planMove } from "./move.js";
import { planReplacement } from "./replacement.js";
import { planStop, proofOfStop } from "./stop.js";

const evidence = null;
const deployment = (affectedApps: string[], affectedPods: string[] = []): Deployment => ({
  ...{
    id: "d-1",
    version: "v",
    affectedApps,
    affectedPods,
    steps: [],
    currentActions: [],
    currentStep: 1,
    totalSteps: 1,
  },
});

describe("planStop", () => {
  test("a running service: scale to 0, without force", () => {
    expect(planStop(makeView(), { evidence, override: null })).toEqual({ kind: "stop", force: false });
  });

  test("no app, or stopped already: nothing is asked, and nothing proven", () => {
    expect(planStop(makeView(null), { evidence, override: null }).kind).toBe("nothing");
    const stopped = makeView({ instances: 0, tasks: [] });
    expect(planStop(stopped, { evidence, override: null }).kind).toBe("nothing");
    expect(proofOfStop(stopped, makeEvidence()).kind).toBe("open");
    expect(proofOfStop(makeView(null), makeEvidence()).kind).toBe("open");
  });

  test("a foreign app is left alone", () => {
    expect(planStop(makeView({ labels: {} }), { evidence: RELEASED, override: null })).toMatchObject({
      code: "RECORD_EXISTS",
    });
  });

  test("a lock is respected, or overridden where it concerns this app alone", () => {
    const view = makeView({ deployments: [{ id: "d-1" }] });
    expect(planStop(view, { evidence, override: null })).toMatchObject({ code: "BUSY" });
    expect(planStop(view, { evidence, override: [deployment([APP_ID])] })).toEqual({ kind: "stop", force: true });
    for (const shared of [deployment([APP_ID, "/other"]), deployment([APP_ID], ["/pod"])]) {
      expect(planStop(view, { evidence, override: [shared] })).toMatchObject({ kind: "refuse", code: "BUSY" });
    }
  });
});

describe("proofOfStop", () => {
  test("the store's word, once nothing is listed that may still end", () => {
    expect(proofOfStop(makeView({ instances: 0, tasks: [] }), RELEASED).kind).toBe("over");
    expect(proofOfStop(makeView({ instances: 0, tasks: [makeTask("TASK_UNREACHABLE")] }), RELEASED).kind).toBe("over");
    for (const state of ["TASK_RUNNING", "TASK_KILLING", "TASK_STAGING"]) {
      expect(proofOfStop(makeView({ instances: 0, tasks: [makeTask(state)] }), RELEASED).kind, state).toBe("open");
    }
    expect(proofOfStop(makeView(), RELEASED).kind).toBe("open");
  });
});

describe("planMove", () => {
  const next = makeDefinition({ constraints: [["hostname", "IS", "b.example"]], unreachableStrategy: "disabled" });
  const own = new Set(["d-1"]);

  test("cut after every step, it goes on where it was: stop, wait, apply, done", () => {
    expect(planMove(makeView(), next, makeEvidence(), own).kind).toBe("stop");
    const killing = makeView({ instances: 0, tasks: [makeTask("TASK_KILLING")], deployments: [{ id: "d-1" }] });
    expect(planMove(killing, next, makeEvidence(), own).kind).toBe("wait");
    expect(planMove(killing, next, RELEASED, own).kind).toBe("wait");
    const gone = makeView({ instances: 0, tasks: [] });
    expect(planMove(gone, next, makeEvidence(), own).kind).toBe("wait");
    expect(planMove(gone, next, RELEASED, own).kind).toBe("apply");
    const there = makeView({ constraints: [["hostname", "IS", "b.example"]], unreachableStrategy: "disabled" });
    expect(planMove(there, next, null, own).kind).toBe("done");
  });

  test("a persistent volume is never moved, whichever of the two definitions has it", () => {
    const refused = { kind: "refuse", code: "UNSUPPORTED" };
    expect(planMove(makeView({ container: RESIDENT }), next, RELEASED, own)).toMatchObject(refused);
    expect(planMove(makeView(), makeDefinition({ container: RESIDENT }), RELEASED, own)).toMatchObject(refused);
  });
});

describe("planReplacement", () => {
  const ranOut = makeEvidence({ ranOut: true });

  test("released, or run out: the holder's task is wiped, whatever Marathon believes of it", () => {
    for (const state of ["TASK_RUNNING", "TASK_KILLING", "TASK_UNREACHABLE", "TASK_UNKNOWN"]) {
      const view = makeView({ tasks: [makeTask(state)] });
      for (const proof of [RELEASED, ranOut]) {
        expect(planReplacement(view, proof), state).toMatchObject({ kind: "wipe", tasks: [{ id: makeTask().id }] });
      }
    }
  });

  test("a grade that demands a receipt gets none: refused", () => {
    for (const grade of ["agent-fenced", "storage-fenced"] as const) {
      expect(planReplacement(makeView(), { ...ranOut, grade })).toMatchObject({
        code: "HELD_BY_OTHER",
        detail: { missing: "receipt" },
      });
    }
  });

  test("a task that waits for the lease is never wiped", () => {
    const waiting = makeView({ tasks: [makeTask("TASK_RUNNING", 2, "b.example")] });
    expect(planReplacement(waiting, ranOut).kind).toBe("nothing");
    const both = makeView({ tasks: [makeTask("TASK_UNREACHABLE"), makeTask("TASK_RUNNING", 2, "b.example")] });
    expect(planReplacement(both, ranOut)).toMatchObject({ kind: "wipe", tasks: [{ id: makeTask().id }] });
  });

  test("a record that does not name the task goes by the agent", () => {
    const record = { ...ranOut.record, holder: { host: "a.example", pid: 7 } } as NonNullable<typeof ranOut.record>;
    const tasks = [makeTask("TASK_UNREACHABLE"), makeTask("TASK_RUNNING", 2, "b.example")];
    expect(planReplacement(makeView({ tasks }), { ...ranOut, record })).toMatchObject({
      tasks: [{ agent: "a.example" }],
    });
  });

  test.each([
    ["a persistent volume", { container: RESIDENT }],
    [
      "a persistent volume that only the task shows",
      { tasks: [{ ...makeTask(), localVolumes: [{ containerPath: "data", persistenceId: "p" }] }] },
    ],
    ["never replaced", { unreachableStrategy: "disabled" as const }],
    ["IS one agent", { constraints: [["hostname", "IS", "a.example"]] }],
    ["CLUSTER on one agent", { constraints: [["@hostname", "CLUSTER", "a.example"]] }],
    ["LIKE one agent", { constraints: [["hostname", "LIKE", "a\\.example"]] }],
  ])("refuses %s, whatever the evidence", (_, change) => {
    expect(planReplacement(makeView(change), RELEASED)).toMatchObject({
      kind: "refuse",
      code: "UNSUPPORTED",
      retryable: false,
    });
  });

  test("several agents, a standby, or an attribute are no pin", () => {
    for (const constraint of [
      ["hostname", "LIKE", "a\\.example|b\\.example"],
      ["hostname", "UNIQUE"],
      ["rack", "IS", "a"],
      ["hostname", "LIKE", "db-.*"],
    ]) {
      expect(planReplacement(makeView({ constraints: [constraint] }), RELEASED).kind, constraint.join()).toBe("wipe");
    }
  });

  test("no failover, no app, foreign, stopped, destroyed", () => {
    expect(planReplacement(makeView(), { ...RELEASED, grade: "none" })).toMatchObject({ code: "UNSUPPORTED" });
    expect(planReplacement(makeView(null), RELEASED)).toMatchObject({ code: "NOT_FOUND" });
    expect(planReplacement(makeView({ labels: {} }), RELEASED)).toMatchObject({ code: "RECORD_EXISTS" });
    expect(planReplacement(makeView({ instances: 0 }), RELEASED).kind).toBe("nothing");
    const destroyed = { ...RELEASED.record, state: { kind: "destroyed" } } as NonNullable<typeof RELEASED.record>;
    expect(planReplacement(makeView(), { ...RELEASED, record: destroyed }).kind).toBe("nothing");
  });
});

import { describe, expect, test } from "vitest";
import {
  CHECK,
  makeDefinition,
  makeEvidence,
  makeRecord,
  makeTask,
  makeView,
  RELEASED,
  RESIDENT,
} from "../view.fixture.js";
import { applyLines, planApply } from "./apply.js";

const evidence = null;
const next = makeDefinition({ mem: 1024 });

describe("planApply", () => {
  test("no app: create", () => {
    expect(planApply(makeView(null), next, { evidence }).kind).toBe("create");
  });

  test("an equal definition: nothing", () => {
    expect(planApply(makeView(), makeDefinition(), { evidence }).kind).toBe("nothing");
  });

  test("a change is told as a restart, with the task that it stops and the fields", () => {
    const view = makeView();
    const plan = planApply(view, next, { evidence });
    expect(plan).toMatchObject({ kind: "replace", diff: { effect: "restart" } });
    const lines = applyLines(view, plan);
    expect(lines[0]).toContain(`RESTART of ${makeTask().id} on a.example`);
    expect(lines).toContain("  /mem: 512 → 1024");
  });

  test.each([
    ["without a label", {}],
    ["with the label of another service", { HOLDFAST_SERVICE: "other" }],
  ])("an app %s is foreign, even if it is equal otherwise", (_, labels) => {
    for (const definition of [next, makeDefinition({ labels })]) {
      expect(planApply(makeView({ labels }), definition, { evidence: RELEASED })).toMatchObject({
        kind: "refuse",
        code: "RECORD_EXISTS",
        detail: { foreign: true },
      });
    }
  });

  test("a locked app is not touched; one's own deployment is waited for", () => {
    const view = makeView({ deployments: [{ id: "d-1" }] });
    expect(planApply(view, next, { evidence })).toMatchObject({
      code: "BUSY",
      retryable: true,
      detail: { deployments: ["d-1"] },
    });
    expect(planApply(view, next, { evidence, own: new Set(["d-1"]) }).kind).toBe("wait");
  });

  test("what Marathon would answer with 422 is not sent", () => {
    const view = makeView({ container: RESIDENT, unreachableStrategy: "disabled" });
    const definition = makeDefinition({ container: RESIDENT, unreachableStrategy: "disabled", mem: 1024 });
    expect(planApply(view, definition, { evidence })).toMatchObject({
      code: "INVALID_SPEC",
      detail: { fields: ["/mem"] },
    });
  });

  test("the only instance is not healthy: stopped first, then waited for, then started", () => {
    const unhealthy = { tasksHealthy: 0, tasksUnhealthy: 1 };
    expect(planApply(makeView(unhealthy), next, { evidence }).kind).toBe("stop-first");
    const stopping = makeView({ instances: 0, tasks: [makeTask("TASK_KILLING")], tasksHealthy: 0 });
    expect(planApply(stopping, next, { evidence }).kind).toBe("wait");
    const stopped = makeView({ instances: 0, tasks: [makeTask("TASK_KILLED")], tasksHealthy: 0 });
    expect(planApply(stopped, next, { evidence })).toMatchObject({ kind: "replace", diff: { effect: "start" } });
  });

  test("without checks nothing waits for health, and with another healthy instance neither", () => {
    const without = makeDefinition({ healthChecks: [], mem: 1024 });
    expect(planApply(makeView({ healthChecks: [], tasksHealthy: 0 }), without, { evidence }).kind).toBe("replace");
    expect(planApply(makeView({ tasksHealthy: 1, tasksUnhealthy: 1 }), next, { evidence }).kind).toBe("replace");
  });

  test("a task is unreachable and another took over: a change goes on once the store says so", () => {
    const tasks = [makeTask("TASK_UNREACHABLE"), makeTask("TASK_RUNNING", 2, "b.example")];
    const record = makeRecord({ agent: "b.example", holder: { host: "b.example", pid: 1, task: makeTask("", 2).id } });
    const view = makeView({ tasks });
    expect(planApply(view, next, { evidence })).toMatchObject({
      code: "HELD_BY_OTHER",
      detail: { missing: "evidence" },
    });
    expect(planApply(view, next, { evidence: makeEvidence({ record }) }).kind).toBe("replace");
  });

  test.each(["TASK_UNREACHABLE", "TASK_UNKNOWN", "TASK_LOST", "TASK_GONE_BY_OPERATOR", "TASK_OF_TOMORROW"])(
    "%s holds a change back",
    (state) => {
      expect(planApply(makeView({ tasks: [makeTask(state)] }), next, { evidence })).toMatchObject({
        kind: "refuse",
        code: "HELD_BY_OTHER",
      });
    },
  );

  test.each([
    "TASK_STAGING",
    "TASK_STARTING",
    "TASK_RUNNING",
    "TASK_KILLING",
    "TASK_FINISHED",
    "TASK_FAILED",
    "TASK_ERROR",
    "TASK_KILLED",
    "TASK_DROPPED",
    "TASK_GONE",
  ])("%s does not", (state) => {
    expect(planApply(makeView({ tasks: [makeTask(state)] }), next, { evidence }).kind).toBe("replace");
  });

  test("a resident app that is gone is not created again while its run may live", () => {
    const definition = makeDefinition({ container: RESIDENT, unreachableStrategy: "disabled", healthChecks: [CHECK] });
    expect(planApply(makeView(null), definition, { evidence: makeEvidence() })).toMatchObject({
      code: "HELD_BY_OTHER",
    });
    expect(planApply(makeView(null), definition, { evidence: RELEASED }).kind).toBe("create");
    expect(planApply(makeView(null), definition, { evidence: null }).kind).toBe("create");
  });
});

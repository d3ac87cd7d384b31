import type { App, QueueItem } from "@holdfast/marathon";
import { describe, expect, test } from "vitest";
import type { RunEvidence } from "../decide/evidence.js";
import { makeEvidence, makeRecord, makeTask, makeView, RELEASED, RESIDENT } from "../view.fixture.js";
import { explain, type SituationCode } from "./explain.js";

const queue = (change: Partial<QueueItem> = {}): QueueItem => ({
  count: 1,
  delay: { timeLeftSeconds: 0, overdue: true },
  ...change,
});
const lost = makeTask("TASK_UNREACHABLE");
const other = makeTask("TASK_RUNNING", 2, "b.example");
const failure = { taskId: "t", state: "TASK_FAILED", message: "exit 80", host: "a.example" };

const SITUATIONS: [SituationCode, Partial<App> | null, QueueItem | null, RunEvidence | null, RegExp, RegExp | null][] =
  [
    ["absent", null, null, null, /proves nothing/, /apply creates it/],
    ["foreign", { labels: {} }, null, RELEASED, /leaves it alone/, /Rename/],
    [
      "unreachable-resident",
      { tasks: [lost], container: RESIDENT },
      null,
      RELEASED,
      /waits for that agent/,
      /Bring a\.example back/,
    ],
    [
      "unreachable-pinned",
      { tasks: [lost], unreachableStrategy: "disabled" },
      null,
      null,
      /nowhere else/,
      /Bring a\.example back/,
    ],
    ["unreachable-replaced", { tasks: [lost, other] }, null, null, /may go on.*waits for the lease/, /Nothing, or/],
    ["unreachable-replaced", { tasks: [lost, other] }, null, RELEASED, /is over.*has released/, null],
    ["unreachable-waiting", { tasks: [lost] }, queue(), null, /may go on.*waits for an offer/, /Hand over/],
    ["unreachable-waiting", { tasks: [lost] }, queue(), makeEvidence({ ranOut: true }), /run out/, /holdfast failover/],
    [
      "too-many",
      { instances: 3, labels: { HOLDFAST_SERVICE: "orders-db", MARATHON_SINGLE_INSTANCE_APP: "true" } },
      null,
      null,
      /3 instances/,
      /apply sets it right/,
    ],
    ["too-many", { tasks: [makeTask(), other] }, null, null, /2 instances/, /apply sets it right/],
    ["deploying", { deployments: [{ id: "d-1" }] }, null, null, /d-1/, /Wait/],
    [
      "deploying",
      { deployments: [{ id: "d-1" }], tasksHealthy: 0, tasksUnhealthy: 1 },
      null,
      null,
      /for ever/,
      /overriding its deployments/,
    ],
    ["stopping", { instances: 0, tasks: [makeTask("TASK_KILLING")] }, null, null, /being stopped/, /grace/],
    ["stopped", { instances: 0, tasks: [] }, null, makeEvidence(), /proves nothing yet/, /released, or runs out/],
    ["stopped", { instances: 0, tasks: [] }, null, RELEASED, /Stopped: epoch 5/, /apply starts it/],
    ["waiting-for-offers", { tasks: [] }, queue(), null, /perhaps none came/, /free what is missing/],
    ["waiting-for-offers", { tasks: [], container: RESIDENT }, queue(), null, /offer/, /agent that has the data/],
    [
      "delayed",
      { tasks: [], lastTaskFailure: failure },
      queue({ delay: { timeLeftSeconds: 42, overdue: false } }),
      null,
      /in 42 s/,
      /exit 80/,
    ],
    ["starting", { tasks: [makeTask("TASK_STAGING")] }, null, null, /TASK_STAGING/, /five minutes/],
    ["unhealthy", { tasksHealthy: 0, tasksUnhealthy: 1 }, null, null, /fails its check/, /holdfast health/],
    ["running", {}, null, null, /TASK_RUNNING on a\.example/, null],
    ["nothing-listed", { tasks: [] }, null, null, /none waits/, /log of Marathon/],
  ];

describe("explain", () => {
  test.each(SITUATIONS)("%s", (situation, change, queued, evidence, says, next) => {
    const said = explain(makeView(change, queued), evidence);
    expect(said.situation).toBe(situation);
    expect(said.says).toMatch(says);
    if (next === null) expect(said.next).toEqual([]);
    else expect(said.next.join(" ")).toMatch(next);
  });

  test("every situation is in the list above", () => {
    const all: Record<SituationCode, true> = {
      ...{ absent: true, foreign: true, "unreachable-resident": true, "unreachable-pinned": true },
      ...{ "unreachable-replaced": true, "unreachable-waiting": true, "too-many": true, deploying: true },
      ...{ stopping: true, stopped: true, "waiting-for-offers": true, delayed: true, starting: true },
      ...{ unhealthy: true, running: true, "nothing-listed": true },
    };
    expect(new Set(SITUATIONS.map(([name]) => name))).toEqual(new Set(Object.keys(all)));
  });

  test("two are wanted where a standby is", () => {
    const labels = { HOLDFAST_SERVICE: "orders-db" };
    expect(explain(makeView({ instances: 2, labels, tasks: [makeTask(), other] }), null).situation).toBe("running");
  });

  test("a task of which another run has taken the lease is over", () => {
    const record = makeRecord({ agent: "b.example", holder: { host: "b.example", pid: 1, task: other.id } });
    expect(explain(makeView({ tasks: [lost, other] }), makeEvidence({ record })).says).toMatch(
      /is over: the lease is held by/,
    );
  });
});

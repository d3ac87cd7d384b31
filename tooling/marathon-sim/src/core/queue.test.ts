import { describe, expect, test } from "vitest";
import { resetDelay, restartApp } from "./api.js";
import { type ConstrainedAgent, satisfies } from "./constraints.js";
import { COPY, refusal, SINGLE, TestCluster } from "./core.fixture.js";
import { killOne } from "./kill-tasks.js";
import { killOrder } from "./selection.js";
import type { Condition, MesosState } from "./states.js";
import { changeLeader } from "./tick.js";
import { shownQueue } from "./views.js";

const delays = (cluster: TestCluster) =>
  (shownQueue(cluster.sim).queue as { delay: { timeLeftSeconds: number; overdue: boolean } }[]).map(
    ({ delay }) => delay,
  );

/** The one task ends in that state. */
function end(cluster: TestCluster, state: MesosState): void {
  cluster.report(cluster.only().taskId ?? "", state);
}

describe("facts 8: backoff and the launch queue", () => {
  test("8: the first failure waits backoffSeconds, each further one times the factor, up to the cap", () => {
    const cluster = new TestCluster();
    cluster.create({ ...SINGLE, backoffSeconds: 10, backoffFactor: 2, maxLaunchDelaySeconds: 30 });
    for (const seconds of [10, 20, 30, 30]) {
      end(cluster, "TASK_FAILED");
      expect(delays(cluster)).toEqual([{ timeLeftSeconds: seconds, overdue: false }]);
      cluster.pass(seconds - 1);
      expect(cluster.conditions()).toEqual(["Scheduled"]);
      cluster.pass(1);
      expect(cluster.conditions()).toEqual(["Running"]);
    }
  });

  test.each<[MesosState, boolean]>([
    ["TASK_FAILED", true],
    ["TASK_ERROR", true],
    ["TASK_DROPPED", true],
    ["TASK_GONE", true],
    ["TASK_FINISHED", true],
    ["TASK_KILLED", false],
    ["TASK_UNKNOWN", false],
  ])("8: %s counts: %s", (state, counted) => {
    const cluster = new TestCluster();
    cluster.create(SINGLE);
    end(cluster, state);
    expect(cluster.conditions()).toEqual([counted ? "Scheduled" : "Running"]);
  });

  test("8: scaling keeps the delay; a new config, a restart and a leader change begin without one", () => {
    const waiting = () => {
      const cluster = new TestCluster();
      cluster.create({ ...COPY, backoffSeconds: 100, upgradeStrategy: SINGLE.upgradeStrategy });
      end(cluster, "TASK_FAILED");
      return cluster;
    };
    const scaled = waiting();
    scaled.put("/db", { instances: 2 });
    expect(scaled.conditions()).toEqual(["Scheduled", "Scheduled"]);
    const changed = waiting();
    changed.put("/db", { env: { A: "1" } });
    expect(changed.conditions()).toEqual(["Running"]);
    const restarted = waiting();
    restarted.do((sim) => restartApp(sim, "/db", { force: false }));
    expect(restarted.conditions()).toEqual(["Running"]);
    const led = waiting();
    led.do(changeLeader);
    expect(led.conditions()).toEqual(["Running"]);
  });

  test("8: forgotten after maxLaunchDelaySeconds without a failure", () => {
    const cluster = new TestCluster();
    cluster.create({ ...SINGLE, backoffSeconds: 10, backoffFactor: 2, maxLaunchDelaySeconds: 60 });
    end(cluster, "TASK_FAILED");
    cluster.pass(61);
    end(cluster, "TASK_FAILED");
    expect(delays(cluster)).toEqual([{ timeLeftSeconds: 10, overdue: false }]);
  });

  test("8: the delay is reset on demand; where nothing waits, 404", () => {
    const cluster = new TestCluster();
    cluster.create({ ...SINGLE, backoffSeconds: 100 });
    const missing = refusal(() => cluster.do((sim) => resetDelay(sim, "/db")));
    expect([missing.status, missing.body.message]).toEqual([404, "Application /db not found in tasks queue."]);
    end(cluster, "TASK_FAILED");
    cluster.do((sim) => resetDelay(sim, "/db"));
    expect(cluster.conditions()).toEqual(["Running"]);
  });

  test.each([
    ["UnfulfilledRole", { acceptedResourceRoles: ["other"] }],
    ["UnfulfilledConstraint", { constraints: [["hostname", "IS", "x"]] }],
    ["InsufficientCpus", { cpus: 99 }],
    ["InsufficientMemory", { mem: 99_999 }],
    ["InsufficientDisk", { disk: 999_999 }],
    ["InsufficientGpus", { gpus: 1 }],
    ["InsufficientPorts", { portDefinitions: [{ port: 80 }], requirePorts: true }],
  ])("8: the queue says %s", (reason, over) => {
    const cluster = new TestCluster();
    cluster.create({ ...COPY, ...over });
    const [item] = shownQueue(cluster.sim).queue as {
      count: number;
      delay: object;
      processedOffersSummary: { rejectSummaryLastOffers: object[]; unusedOffersCount: number };
    }[];
    expect(item).toMatchObject({ count: 1, delay: { overdue: true, timeLeftSeconds: 0 } });
    const { rejectSummaryLastOffers, unusedOffersCount } = item?.processedOffersSummary ?? {};
    expect(rejectSummaryLastOffers).toContainEqual({ reason, declined: 2, processed: 2 });
    expect(unusedOffersCount).toBe(2);
  });

  test("14: an instance survives crashes: same id, the number of the task grows", () => {
    const cluster = new TestCluster();
    cluster.create({ ...SINGLE, id: "/db/mysql-main" });
    const { id, taskId } = cluster.only("/db/mysql-main");
    expect(id).toMatch(/^db_mysql-main\.instance-[0-9a-f-]{36}$/);
    expect(taskId).toBe(`${id}._app.1`);
    cluster.report(taskId ?? "", "TASK_FAILED");
    cluster.pass(2);
    expect(cluster.only("/db/mysql-main").taskId).toBe(`${id}._app.2`);
  });

  test("11: a plain kill launches the same instance again; scale=true lowers instances; scale and wipe: 400", () => {
    const options = { scale: false, wipe: false, force: false };
    const cluster = new TestCluster();
    cluster.create(SINGLE);
    const { id, taskId } = cluster.only();
    cluster.do((sim) => killOne(sim, "/db", taskId ?? "", options));
    expect(cluster.only()).toMatchObject({ id, incarnation: 2, condition: "Running" });
    const both = () =>
      killOne(cluster.sim, "/db", cluster.only().taskId ?? "", { ...options, scale: true, wipe: true });
    expect(refusal(both).status).toBe(400);
    cluster.do((sim) => killOne(sim, "/db", cluster.only().taskId ?? "", { ...options, scale: true }));
    expect(cluster.sim.apps.get("/db")?.app.instances).toBe(0);
    expect(cluster.instances()).toEqual([]);
    expect(cluster.sim.deployments.size).toBe(0);
  });
});

describe("facts 3: which copy dies when there are too many", () => {
  const instance = (condition: Condition, startedMs: number) => ({ condition, startedMs, stagedMs: 0, createdMs: 0 });

  test("3: unreachable, staging, starting, running; what waits or failed comes last", () => {
    const conditions: Condition[] = [
      "Scheduled",
      "Running",
      "Failed",
      "Starting",
      "Unreachable",
      "Provisioned",
      "Staging",
    ];
    const order = killOrder(
      conditions.map((condition) => instance(condition, 1)),
      "YOUNGEST_FIRST",
    );
    expect(order.map(({ condition }) => condition)).toEqual([
      ...["Unreachable", "Staging", "Starting", "Running"],
      ...["Scheduled", "Failed", "Provisioned"],
    ]);
  });

  test.each([
    ["YOUNGEST_FIRST", [3, 2, 1]],
    ["OLDEST_FIRST", [1, 2, 3]],
  ] as const)("3: %s", (selection, expected) => {
    const order = killOrder(
      [2, 1, 3].map((age) => instance("Running", age)),
      selection,
    );
    expect(order.map(({ startedMs }) => startedMs)).toEqual(expected);
  });
});

describe("facts 7: constraints", () => {
  const agent = (hostname: string, attributes: Record<string, string> = {}): ConstrainedAgent => ({
    ...{ hostname, region: "r", zone: "z", attributes },
  });
  const [a, b] = [agent("a.x", { rack: "1" }), agent("b.x", { rack: "2" })];

  test.each<[string, string[], ConstrainedAgent, ConstrainedAgent[], boolean]>([
    ["UNIQUE refuses a second one", ["hostname", "UNIQUE"], a, [a], false],
    ["UNIQUE on another host", ["hostname", "UNIQUE"], b, [a], true],
    ["CLUSTER with a value", ["rack", "CLUSTER", "2"], b, [], true],
    ["CLUSTER without a value pins nothing while nothing runs", ["hostname", "CLUSTER"], b, [], true],
    ["CLUSTER without a value follows what runs", ["hostname", "CLUSTER"], b, [a], false],
    ["LIKE matches the whole string", ["hostname", "LIKE", "a"], a, [], false],
    ["LIKE", ["hostname", "LIKE", "a\\..*"], a, [], true],
    ["UNLIKE", ["hostname", "UNLIKE", "a\\..*"], b, [], true],
    ["an agent without the attribute matches only UNLIKE", ["disk", "LIKE", ".*"], a, [], false],
    ["an agent without the attribute matches UNLIKE", ["disk", "UNLIKE", "x"], a, [], true],
    ["MAX_PER", ["rack", "MAX_PER", "1"], a, [a], false],
    ["GROUP_BY spreads", ["rack", "GROUP_BY", "2"], a, [a], false],
    ["IS", ["@hostname", "IS", "a.x"], a, [], true],
    ["IS compares scalars rounded to three decimals", ["w", "IS", "1.235"], agent("c", { w: "1.23456" }), [], true],
    ["@zone", ["@zone", "IS", "z"], a, [], true],
  ])("7: %s", (_, constraint, candidate, placed, expected) => {
    expect(satisfies(candidate, [constraint], placed)).toBe(expected);
  });
});

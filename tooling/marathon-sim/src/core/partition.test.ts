import { describe, expect, test } from "vitest";
import { deleteApp, restartApp } from "./api.js";
import { CHECKED, COPY, RESIDENT, SINGLE, TestCluster } from "./core.fixture.js";
import { killMany, killOne } from "./kill-tasks.js";
import { cutAgent, forgetAgent, markAgentGone, rebootAgent, reconnectAgent, replaceAgent } from "./mesos.js";

const KILL = { scale: false, wipe: false, force: false };
const LOST_S = 76;

/** A single instance that runs on an agent which Mesos has just given up. */
function unreachable(app: object): { cluster: TestCluster; agentId: string; taskId: string } {
  const cluster = new TestCluster();
  cluster.create(app);
  if ("healthChecks" in app) cluster.report(cluster.only().taskId ?? "", "TASK_RUNNING", true);
  const { agent, taskId } = cluster.only();
  cluster.do((sim) => cutAgent(sim, agent?.id ?? ""));
  cluster.pass(LOST_S);
  return { cluster, agentId: agent?.id ?? "", taskId: taskId ?? "" };
}

describe("facts 4: what the strategy makes of an unreachable agent", () => {
  test("4: Mesos says unreachable after agent_ping_timeout × max_agent_ping_timeouts and not before", () => {
    const cluster = new TestCluster();
    cluster.create(SINGLE);
    cluster.do((sim) => cutAgent(sim, cluster.only().agent?.id ?? ""));
    cluster.pass(74);
    expect(cluster.conditions()).toEqual(["Running"]);
    cluster.pass(2);
    expect(cluster.conditions()).toEqual(["Unreachable"]);
  });

  test("4: an agent that is back before Mesos gave it up has lost nothing", () => {
    const cluster = new TestCluster();
    cluster.create(SINGLE);
    const { agent, taskId } = cluster.only();
    cluster.do((sim) => cutAgent(sim, agent?.id ?? ""));
    cluster.pass(60);
    cluster.do((sim) => reconnectAgent(sim, agent?.id ?? ""));
    cluster.pass(600);
    expect(cluster.only()).toMatchObject({ condition: "Running", taskId });
  });

  test("13: a launch on an agent that is away unnoticed is lost: TASK_DROPPED when it is back, then launched again", () => {
    const cluster = new TestCluster(1);
    cluster.do((sim) => cutAgent(sim, "agent-1"));
    cluster.create(SINGLE);
    const { taskId } = cluster.only();
    expect(cluster.only().condition).toBe("Provisioned");
    expect(cluster.alive()).toEqual([]);
    cluster.do((sim) => reconnectAgent(sim, "agent-1"));
    expect(cluster.events).toContainEqual(expect.objectContaining({ taskId, taskStatus: "TASK_DROPPED" }));
    cluster.pass(5);
    expect(cluster.only()).toMatchObject({ condition: "Running", incarnation: 2 });
  });

  test("4: {0,0}, the default: expunged at once, a replacement starts, the first goes on; it is killed when it is back", () => {
    const { cluster, agentId, taskId } = unreachable(COPY);
    expect(cluster.only()).toMatchObject({ condition: "Running" });
    expect(cluster.only().taskId).not.toBe(taskId);
    expect(cluster.alive()).toHaveLength(2);
    cluster.do((sim) => reconnectAgent(sim, agentId));
    expect(cluster.alive()).toEqual([cluster.only().taskId]);
    expect(cluster.types()).toContain("unknown_instance_terminated_event");
  });

  test("4: a forgotten task that is ending already is not killed once more for every word of it", () => {
    const { cluster, agentId, taskId } = unreachable(COPY);
    cluster.stubborn.add(taskId);
    cluster.do((sim) => reconnectAgent(sim, agentId));
    const kills = () => cluster.effects.filter(({ kind }) => kind === "kill").length;
    expect(kills()).toBe(1);
    cluster.report(taskId, "TASK_KILLING");
    expect(kills()).toBe(1);
  });

  test("4: {a,b}: looked at only when a status arrives, so a means a..a+10 min", () => {
    const { cluster } = unreachable({
      ...COPY,
      unreachableStrategy: { inactiveAfterSeconds: 60, expungeAfterSeconds: 3_600 },
    });
    expect(cluster.conditions()).toEqual(["Unreachable"]);
    cluster.pass(120);
    expect(cluster.conditions()).toEqual(["Unreachable"]);
    cluster.pass(600);
    expect(cluster.conditions().sort()).toEqual(["Running", "UnreachableInactive"]);
    expect(cluster.alive()).toHaveLength(2);
  });

  test("4: {0,b}: the replacement starts as soon as Mesos says unreachable", () => {
    const { cluster } = unreachable({
      ...COPY,
      unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 3_600 },
    });
    expect(cluster.conditions().sort()).toEqual(["Running", "UnreachableInactive"]);
  });

  test.each([
    ["YOUNGEST_FIRST", true],
    ["OLDEST_FIRST", false],
  ])("4: back between a and b: both run until the scale check, then %s decides", (killSelection, firstStays) => {
    const strategy = { inactiveAfterSeconds: 0, expungeAfterSeconds: 3_600 };
    const { cluster, agentId, taskId } = unreachable({ ...COPY, killSelection, unreachableStrategy: strategy });
    cluster.do((sim) => reconnectAgent(sim, agentId));
    expect(cluster.conditions()).toEqual(["Running", "Running"]);
    cluster.pass(301);
    expect(cluster.only().taskId === taskId).toBe(firstStays);
    expect(cluster.alive()).toEqual([cluster.only().taskId]);
  });

  test("4: forgotten after b, by the job that runs every 30 s", () => {
    const { cluster } = unreachable({
      ...COPY,
      unreachableStrategy: { inactiveAfterSeconds: 400, expungeAfterSeconds: 400 },
    });
    cluster.pass(390);
    expect(cluster.conditions()).toEqual(["Unreachable"]);
    cluster.pass(45);
    expect(cluster.conditions()).toEqual(["Running"]);
  });

  test("4: disabled: no replacement, no time limit; back, it runs again and nothing is lost", () => {
    const { cluster, agentId, taskId } = unreachable(SINGLE);
    cluster.pass(4 * 3_600);
    expect(cluster.conditions()).toEqual(["Unreachable"]);
    cluster.do((sim) => reconnectAgent(sim, agentId));
    expect(cluster.only()).toMatchObject({ condition: "Running", taskId });
    expect(cluster.alive()).toEqual([taskId]);
  });

  test("4: disabled, the agent rebooted: TASK_GONE, launched again as the next incarnation of the same instance", () => {
    const { cluster, agentId, taskId } = unreachable(SINGLE);
    cluster.do((sim) => rebootAgent(sim, agentId));
    cluster.pass(10);
    expect(cluster.events).toContainEqual(expect.objectContaining({ taskId, taskStatus: "TASK_GONE" }));
    expect(cluster.only().taskId).toBe(taskId.replace(/1$/, "2"));
  });

  test("4: disabled, marked gone by the operator: relaunched while the old process may live on", () => {
    const { cluster, agentId, taskId } = unreachable(SINGLE);
    cluster.do((sim) => markAgentGone(sim, agentId));
    cluster.pass(10);
    expect(cluster.events).toContainEqual(expect.objectContaining({ taskId, taskStatus: "TASK_GONE_BY_OPERATOR" }));
    expect(cluster.only()).toMatchObject({ condition: "Running", incarnation: 2 });
    expect(cluster.alive()).toHaveLength(2);
    cluster.do((sim) => reconnectAgent(sim, agentId));
    expect(cluster.effects).toContainEqual({ kind: "shutdown-agent", agentId });
    expect(cluster.alive()).toHaveLength(1);
  });

  test("4: disabled, dropped from the registry: TASK_UNKNOWN at the next reconciliation, and a second copy", () => {
    const { cluster, agentId } = unreachable(SINGLE);
    cluster.do((sim) => forgetAgent(sim, agentId));
    expect(cluster.conditions()).toEqual(["Unreachable"]);
    cluster.pass(601);
    expect(cluster.only()).toMatchObject({ condition: "Running", incarnation: 2 });
    expect(cluster.alive()).toHaveLength(2);
    cluster.do((sim) => replaceAgent(sim, agentId, "agent-9"));
    expect([...cluster.sim.agents.keys()].sort()).toEqual([agentId === "agent-1" ? "agent-2" : "agent-1", "agent-9"]);
  });
});

test("4: dropped from the registry and back with its own id: the forgotten task is killed, one stays", () => {
  const { cluster, agentId, taskId } = unreachable(SINGLE);
  cluster.do((sim) => forgetAgent(sim, agentId));
  cluster.pass(601);
  expect(cluster.alive()).toContain(taskId);
  cluster.do((sim) => reconnectAgent(sim, agentId));
  expect(cluster.alive()).toEqual([cluster.only().taskId]);
  expect(cluster.only().taskId).not.toBe(taskId);
});

describe("facts 4, the table: calls while the only task is unreachable, strategy disabled, ephemeral", () => {
  test.each([
    ["DELETE tasks/{id}", (cluster: TestCluster, id: string) => cluster.do((sim) => killOne(sim, "/db", id, KILL))],
    ["POST tasks/delete", (cluster: TestCluster, id: string) => cluster.do((sim) => killMany(sim, [id], KILL))],
  ])("4: %s: a second copy at the next scale check; the old one is killed when it returns", (_, kill) => {
    const { cluster, agentId, taskId } = unreachable(SINGLE);
    kill(cluster, taskId);
    expect(cluster.only()).toMatchObject({ condition: "Unreachable", goal: "Decommissioned" });
    cluster.pass(301);
    expect(cluster.conditions().sort()).toEqual(["Running", "Unreachable"]);
    expect(cluster.alive()).toHaveLength(2);
    cluster.do((sim) => reconnectAgent(sim, agentId));
    expect(cluster.alive()).not.toContain(taskId);
    expect(cluster.conditions()).toEqual(["Running"]);
  });

  test("4: wipe=true: the instance is forgotten, a second copy", () => {
    const { cluster, taskId } = unreachable(SINGLE);
    cluster.do((sim) => killOne(sim, "/db", taskId, { ...KILL, wipe: true }));
    expect(cluster.only().taskId).not.toBe(taskId);
    expect(cluster.alive()).toHaveLength(2);
  });

  test("4: instances 0, then 1: the scale-down succeeds at once, the scale-up starts a second copy", () => {
    const { cluster, taskId } = unreachable(SINGLE);
    cluster.put("/db", { instances: 0 });
    expect(cluster.types().at(-1)).toBe("deployment_success");
    cluster.put("/db", { instances: 1 });
    expect(cluster.alive()).toHaveLength(2);
    expect(cluster.instances().map((instance) => instance.taskId)).toContain(taskId);
  });

  test.each([
    ["a config change", (cluster: TestCluster) => cluster.put("/db", { env: { A: "1" } })],
    ["a restart", (cluster: TestCluster) => cluster.do((sim) => restartApp(sim, "/db", { force: false }))],
  ])("4: %s without checks: a second copy", (_, change) => {
    const { cluster } = unreachable(SINGLE);
    change(cluster);
    expect(cluster.alive()).toHaveLength(2);
    expect(cluster.sim.deployments.size).toBe(0);
  });

  test("4: a config change with checks hangs, also after the partition heals; resubmitted with force it goes on", () => {
    const { cluster, agentId } = unreachable(CHECKED);
    cluster.put("/db", { env: { A: "1" } });
    expect(cluster.conditions()).toEqual(["Unreachable"]);
    cluster.do((sim) => reconnectAgent(sim, agentId));
    cluster.pass(3_600);
    expect(cluster.sim.deployments.size).toBe(1);
    expect(cluster.alive()).toHaveLength(1);
    cluster.report(cluster.only().taskId ?? "", "TASK_RUNNING", true);
    expect(cluster.sim.deployments.size).toBe(1);
    cluster.put("/db", { env: { A: "2" } }, { force: true });
    expect(cluster.only()).toMatchObject({ condition: "Running" });
    cluster.report(cluster.only().taskId ?? "", "TASK_RUNNING", true);
    expect(cluster.sim.deployments.size).toBe(0);
  });

  test("4: DELETE succeeds at once with app_terminated_event; created again, a second copy runs", () => {
    const { cluster } = unreachable(SINGLE);
    cluster.do((sim) => deleteApp(sim, "/db", { force: true }));
    expect(cluster.types().slice(-3)).toContain("app_terminated_event");
    cluster.create(SINGLE);
    expect(cluster.alive()).toHaveLength(2);
  });
});

describe("facts 4, the table: the same calls on a resident app", () => {
  const destroyed = (cluster: TestCluster) => cluster.effects.filter(({ kind }) => kind === "destroy-volume").length;
  const created = (cluster: TestCluster) => cluster.effects.filter(({ kind }) => kind === "create-volume").length;

  test("4: DELETE tasks/{id} is answered with 200 and does nothing", () => {
    const { cluster, taskId } = unreachable(RESIDENT);
    const killed = cluster.do((sim) => killOne(sim, "/db", taskId, KILL));
    expect(killed.instances).toHaveLength(1);
    cluster.pass(3_600);
    expect(cluster.only()).toMatchObject({ condition: "Unreachable", goal: "Running" });
  });

  test("4: wipe=true: a new empty volume elsewhere; the old one is destroyed when the agent returns", () => {
    const { cluster, agentId, taskId } = unreachable(RESIDENT);
    cluster.do((sim) => killOne(sim, "/db", taskId, { ...KILL, wipe: true }));
    expect(created(cluster)).toBe(2);
    expect(destroyed(cluster)).toBe(0);
    expect(cluster.alive()).toHaveLength(2);
    cluster.do((sim) => reconnectAgent(sim, agentId));
    expect(cluster.alive()).toEqual([cluster.only().taskId]);
    expect(destroyed(cluster)).toBe(1);
  });

  test("4: instances 0, then 1: a second copy with a new empty volume, the old reservation stays beside it", () => {
    const { cluster, agentId } = unreachable(RESIDENT);
    cluster.put("/db", { instances: 0 });
    cluster.put("/db", { instances: 1 });
    expect(cluster.alive()).toHaveLength(2);
    expect(created(cluster)).toBe(2);
    cluster.do((sim) => reconnectAgent(sim, agentId));
    cluster.pass(60);
    expect(cluster.alive()).toHaveLength(1);
    expect(destroyed(cluster)).toBe(0);
  });

  test("4: a config change without checks: a second copy with an empty volume", () => {
    const { cluster } = unreachable(RESIDENT);
    cluster.put("/db", { env: { A: "1" } });
    expect(cluster.alive()).toHaveLength(2);
    expect(created(cluster)).toBe(2);
  });

  test("4: DELETE of the app: the volume is destroyed when the agent returns", () => {
    const { cluster, agentId } = unreachable(RESIDENT);
    cluster.do((sim) => deleteApp(sim, "/db", { force: true }));
    expect(destroyed(cluster)).toBe(0);
    cluster.do((sim) => reconnectAgent(sim, agentId));
    expect(cluster.alive()).toEqual([]);
    expect(destroyed(cluster)).toBe(1);
  });
});

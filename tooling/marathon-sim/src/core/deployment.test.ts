import { describe, expect, test } from "vitest";
import { deleteApp, deleteDeployment, restartApp, updateApp, updateApps } from "./api.js";
import { CHECKED, COPY, RESIDENT, refusal, SINGLE, TestCluster } from "./core.fixture.js";
import { shownDeployment } from "./deployments.js";
import { agentReport } from "./mesos.js";
import { restartRule } from "./restart.js";
import { changeLeader } from "./tick.js";

const deploymentOf = (cluster: TestCluster) => {
  const [deployment] = cluster.sim.deployments.values();
  if (deployment === undefined) throw new Error("no deployment runs");
  return shownDeployment(cluster.sim, deployment);
};
const PUT = { force: false, partial: true, mayCreate: true };

describe("facts 2: what a change does", () => {
  test("2: {0,0} and one instance: the old one ends first, then the new one starts", () => {
    const cluster = new TestCluster();
    cluster.create(SINGLE);
    const old = cluster.only().taskId ?? "";
    cluster.stubborn.add(old);
    cluster.put("/db", { env: { A: "1" } });
    expect(cluster.alive()).toEqual([old]);
    expect(cluster.instances()).toHaveLength(1);
    cluster.report(old, "TASK_KILLED");
    expect(cluster.alive()).toEqual([cluster.only().taskId]);
    expect(cluster.only().taskId).not.toBe(old);
  });

  test("2: {1,1}, the default: the new copy starts before the old one is stopped", () => {
    const cluster = new TestCluster();
    cluster.startsTasks = false;
    cluster.create(COPY);
    cluster.report(cluster.only().taskId ?? "", "TASK_RUNNING");
    cluster.put("/db", { env: { A: "1" } });
    expect(cluster.conditions().sort()).toEqual(["Provisioned", "Running"]);
    const fresh = cluster.instances().find(({ condition }) => condition === "Provisioned");
    cluster.report(fresh?.taskId ?? "", "TASK_RUNNING");
    expect(cluster.only().taskId).toBe(fresh?.taskId);
  });

  test.each([
    ["{0,0}", 0, 0, false, { killFirst: 1, capacity: 1 }],
    ["{1,1}", 1, 1, false, { killFirst: 0, capacity: 2 }],
    ["{0.5,0} of one instance", 0.5, 0, true, { killFirst: 1, capacity: 1 }],
    ["{1,0}, ephemeral: one more on top", 1, 0, false, { killFirst: 0, capacity: 2 }],
    ["{1,0}, resident: the old one first", 1, 0, true, { killFirst: 1, capacity: 1 }],
  ])("2: capacities %s", (_, minimumHealthCapacity, maximumOverCapacity, resident, expected) => {
    const cluster = new TestCluster();
    cluster.create(resident ? RESIDENT : SINGLE);
    const app = cluster.sim.apps.get("/db")?.app;
    if (app === undefined) throw new Error("no app");
    const upgradeStrategy = { minimumHealthCapacity, maximumOverCapacity };
    expect(restartRule({ ...app, upgradeStrategy }, 1)).toEqual(expected);
  });

  test.each([
    ["only instances", { instances: 2 }, "ScaleApplication"],
    ["instances 0 and more", { instances: 0, env: { A: "1" } }, "ScaleApplication"],
    ["a label", { labels: { a: "b" } }, "RestartApplication"],
    ["a constraint", { constraints: [["hostname", "LIKE", "host-.*"]] }, "RestartApplication"],
    ["backoff", { backoffSeconds: 9 }, "RestartApplication"],
  ])("2: %s changed: %s", (_, update, action) => {
    const cluster = new TestCluster();
    cluster.create(COPY);
    cluster.sim.held.add("*");
    cluster.put("/db", update);
    expect(deploymentOf(cluster).currentActions).toMatchObject([{ action, app: "/db" }]);
  });

  test("2: nothing differs: an empty plan, still a deployment id and deployment_success", () => {
    const cluster = new TestCluster();
    cluster.create(COPY);
    const before = cluster.only().taskId;
    const { deployment, created } = cluster.do((sim) => updateApp(sim, "/db", COPY, { ...PUT, partial: false }));
    expect({ steps: deployment.steps, created }).toEqual({ steps: [], created: false });
    expect(cluster.events.at(-1)).toMatchObject({ eventType: "deployment_success", id: deployment.id });
    expect(cluster.only().taskId).toBe(before);
  });

  test("2 and 15.6: an unhealthy single instance blocks its update until it ends by itself", () => {
    const cluster = new TestCluster();
    cluster.create(CHECKED);
    const old = cluster.only().taskId ?? "";
    cluster.report(old, "TASK_RUNNING", true);
    cluster.report(old, "TASK_RUNNING", false);
    cluster.put("/db", { env: { A: "1" } });
    cluster.pass(3_600);
    expect(cluster.alive()).toEqual([old]);
    expect(cluster.sim.deployments.size).toBe(1);
    cluster.report(old, "TASK_FAILED");
    cluster.report(cluster.only().taskId ?? "", "TASK_RUNNING", true);
    expect(cluster.sim.deployments.size).toBe(0);
    expect(cluster.only().taskId).not.toBe(old);
  });

  test("2 and 15.6: the way out is instances 0 with force, then the new definition", () => {
    const cluster = new TestCluster();
    cluster.create(CHECKED);
    const old = cluster.only().taskId ?? "";
    cluster.report(old, "TASK_RUNNING", true);
    cluster.report(old, "TASK_RUNNING", false);
    cluster.put("/db", { env: { A: "1" } });
    cluster.put("/db", { instances: 0 }, { force: true });
    expect(cluster.alive()).toEqual([]);
    cluster.put("/db", { instances: 1 });
    expect(cluster.alive()).toHaveLength(1);
  });

  test("2: an instance with checks that waits for offers blocks its update", () => {
    const cluster = new TestCluster();
    cluster.sim.held.clear();
    cluster.do((sim) =>
      updateApp(sim, "/db", { ...CHECKED, constraints: [["hostname", "IS", "nowhere"]] }, { ...PUT }),
    );
    cluster.put("/db", { constraints: [] }, { force: true });
    cluster.pass(3_600);
    expect(cluster.conditions()).toEqual(["Scheduled"]);
  });

  test("2 and 15.8: an impossible constraint keeps a deployment open for ever", () => {
    const cluster = new TestCluster();
    cluster.create({ ...COPY, constraints: [["hostname", "IS", "nowhere"]] });
    cluster.pass(4 * 3_600);
    expect(cluster.sim.deployments.size).toBe(1);
    expect(cluster.types()).not.toContain("deployment_failed");
  });

  test("2: with checks a deployment waits until the new instance is healthy", () => {
    const cluster = new TestCluster();
    cluster.create(CHECKED);
    expect(cluster.only().condition).toBe("Running");
    expect(cluster.sim.deployments.size).toBe(1);
    cluster.report(cluster.only().taskId ?? "", "TASK_RUNNING", true);
    expect(cluster.sim.deployments.size).toBe(0);
  });

  test("2: dependencies order the steps of one deployment", () => {
    const cluster = new TestCluster();
    cluster.sim.held.add("*");
    cluster.do((sim) =>
      updateApps(sim, [{ ...COPY, id: "/web", dependencies: ["/db"] }, COPY], { ...PUT, partial: false }),
    );
    expect(deploymentOf(cluster).steps).toEqual(
      ["/db", "/db", "/web", "/web"].map((app, index) => ({
        actions: [{ action: index % 2 === 0 ? "StartApplication" : "ScaleApplication", app }],
      })),
    );
  });
});

describe("facts 11: one deployment per app", () => {
  test("11 and 15.1: locked: 409 with the ids of the deployments, and nothing changed", () => {
    const cluster = new TestCluster();
    cluster.create({ ...COPY, constraints: [["hostname", "IS", "nowhere"]] });
    const [id] = cluster.sim.deployments.keys();
    const problem = refusal(() => cluster.do((sim) => updateApp(sim, "/db", { instances: 3 }, PUT)));
    expect(problem).toMatchObject({ status: 409, body: { deployments: [{ id }] } });
    expect(problem.message).toContain("App is locked by one or more deployments");
    expect(cluster.sim.apps.get("/db")?.app.instances).toBe(1);
  });

  test("11: force cancels the other deployment, which ends in deployment_failed", () => {
    const cluster = new TestCluster();
    cluster.create({ ...COPY, constraints: [["hostname", "IS", "nowhere"]] });
    const [id] = cluster.sim.deployments.keys();
    cluster.put("/db", { constraints: [] }, { force: true });
    expect(cluster.events).toContainEqual(
      expect.objectContaining({ eventType: "deployment_failed", id, reason: "The upgrade has been cancelled" }),
    );
    expect(cluster.alive()).toHaveLength(1);
  });

  test("11: automatic scaling skips an app while it is locked", () => {
    const cluster = new TestCluster();
    cluster.create(COPY);
    cluster.sim.held.add("/db");
    cluster.put("/db", { instances: 2 });
    const record = cluster.sim.apps.get("/db");
    if (record === undefined) throw new Error("no app");
    record.app = { ...record.app, instances: 3 };
    cluster.pass(600);
    expect(cluster.instances()).toHaveLength(2);
    cluster.sim.held.clear();
    cluster.pass(600);
    expect(cluster.instances()).toHaveLength(3);
  });

  test("11: rolled back, the definition before comes back; with force it is only cancelled", () => {
    const cluster = new TestCluster();
    cluster.create(COPY);
    cluster.put("/db", { constraints: [["hostname", "IS", "nowhere"]] });
    const [id = ""] = cluster.sim.deployments.keys();
    cluster.do((sim) => deleteDeployment(sim, id, { force: false }));
    expect(cluster.sim.apps.get("/db")?.app.constraints).toEqual([]);
    cluster.put("/db", { constraints: [["hostname", "IS", "nowhere"]] }, { force: true });
    const [second = ""] = cluster.sim.deployments.keys();
    expect(cluster.do((sim) => deleteDeployment(sim, second, { force: true }))).toBeNull();
    expect(cluster.sim.apps.get("/db")?.app.constraints).toEqual([["hostname", "IS", "nowhere"]]);
    expect(cluster.sim.deployments.size).toBe(0);
    expect(refusal(() => deleteDeployment(cluster.sim, second, { force: false })).body.message).toBe(
      `DeploymentPlan ${second} does not exist`,
    );
  });

  test("15.8: a deployment that the test holds does everything but end", () => {
    const cluster = new TestCluster();
    cluster.sim.held.add("/db");
    cluster.create(COPY);
    cluster.pass(3_600);
    expect(cluster.alive()).toHaveLength(1);
    expect(cluster.sim.deployments.size).toBe(1);
  });

  test("12: a new leader resumes the deployment that was under way", () => {
    const cluster = new TestCluster();
    cluster.create(SINGLE);
    const old = cluster.only().taskId ?? "";
    cluster.stubborn.add(old);
    cluster.put("/db", { env: { A: "1" } });
    cluster.do(changeLeader);
    cluster.stubborn.clear();
    cluster.pass(60);
    cluster.report(old, "TASK_KILLED");
    expect(cluster.sim.deployments.size).toBe(0);
    expect(cluster.only()).toMatchObject({ condition: "Running", incarnation: 1 });
    expect(cluster.only().taskId).not.toBe(old);
  });

  test("11: a deleted app is gone from the API at once, its task only when it ended", () => {
    const cluster = new TestCluster();
    cluster.create(SINGLE);
    const { taskId } = cluster.only();
    cluster.stubborn.add(taskId ?? "");
    cluster.do((sim) => deleteApp(sim, "/db", { force: true }));
    expect(cluster.sim.apps.has("/db")).toBe(false);
    expect(cluster.alive()).toEqual([taskId]);
    expect(cluster.types()).not.toContain("app_terminated_event");
    cluster.report(taskId ?? "", "TASK_KILLED");
    expect(cluster.types()).toContain("app_terminated_event");
  });

  test("2: a restart makes a new instance of an ephemeral app and keeps a resident one", () => {
    for (const [app, keeps] of [
      [SINGLE, false],
      [RESIDENT, true],
    ] as const) {
      const cluster = new TestCluster();
      cluster.create(app);
      const before = cluster.only().id;
      cluster.do((sim) => restartApp(sim, "/db", { force: false }));
      expect(cluster.only().id === before).toBe(keeps);
      expect(cluster.only()).toMatchObject({ condition: "Running", incarnation: keeps ? 2 : 1 });
    }
  });

  test("3: a kill that nobody acknowledged is sent again every 30 s", () => {
    const cluster = new TestCluster();
    cluster.create(SINGLE);
    cluster.stubborn.add(cluster.only().taskId ?? "");
    cluster.put("/db", { instances: 0 });
    const kills = () => cluster.effects.filter(({ kind }) => kind === "kill").length;
    expect(kills()).toBe(1);
    cluster.pass(100);
    expect(kills()).toBe(4);
  });

  test("3: a task that is staging for five minutes is killed", () => {
    const cluster = new TestCluster();
    cluster.startsTasks = false;
    cluster.create(SINGLE);
    const { taskId, agent } = cluster.only();
    const report = { taskId: taskId ?? "", state: "TASK_STARTING" as const, message: "", healthy: null };
    cluster.do((sim) => agentReport(sim, agent?.id ?? "", report));
    cluster.pass(290);
    expect(cluster.effects.some(({ kind }) => kind === "kill")).toBe(false);
    cluster.pass(20);
    expect(cluster.effects.some(({ kind }) => kind === "kill")).toBe(true);
  });
});

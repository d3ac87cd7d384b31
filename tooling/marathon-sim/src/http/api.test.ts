import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { COPY, RESIDENT, SINGLE } from "../core/core.fixture.js";
import { startTestSim, type TestSim } from "../sim.fixture.js";

const NOWHERE = { ...COPY, constraints: [["hostname", "IS", "nowhere"]] };

/** Until no deployment runs. */
async function settled(sim: TestSim): Promise<void> {
  while ((await sim.call("GET", "/v2/deployments")).data.length > 0) await pause(5);
}
async function running(sim: TestSim, app: object = SINGLE): Promise<{ id: string; version: string }> {
  await sim.call("POST", "/v2/apps", app);
  await settled(sim);
  return (await sim.call("GET", "/v2/apps/db/tasks")).data.tasks[0];
}

describe("facts 11: calls that succeed", () => {
  test("11: POST answers 201 with the stored app, zero counts and the deployment, whose id is a header too", async () => {
    const sim = await startTestSim();
    const { status, data, headers } = await sim.call("POST", "/v2/apps", COPY);
    expect(status).toBe(201);
    expect(data).toMatchObject({ id: "/db", instances: 1, tasksRunning: 0, tasksStaged: 0, backoffFactor: 1.15 });
    expect(data.deployments).toEqual([{ id: headers["marathon-deployment-id"] }]);
  });

  test("11 and 15.1: PUT answers 201 when it creates, 200 when it changes, with version and deploymentId", async () => {
    const sim = await startTestSim();
    const created = await sim.call("PUT", "/v2/apps/db", COPY);
    await settled(sim);
    const changed = await sim.call("PUT", "/v2/apps//db", { instances: 2 });
    expect([created.status, changed.status]).toEqual([201, 200]);
    expect(changed.data).toEqual({
      version: expect.any(String),
      deploymentId: changed.headers["marathon-deployment-id"],
    });
  });

  test("11 and 15.1: partialUpdate defaults to true; with false what is left out is unset", async () => {
    const sim = await startTestSim();
    await running(sim, { ...COPY, user: "x" });
    await sim.call("PUT", "/v2/apps/db", { labels: { a: "1" } });
    await settled(sim);
    expect((await sim.call("GET", "/v2/apps/db")).data.app.user).toBe("x");
    await sim.call("PUT", "/v2/apps/db?partialUpdate=false", COPY);
    await settled(sim);
    expect((await sim.call("GET", "/v2/apps/db")).data.app).not.toHaveProperty("user");
  });

  test("11: GET of one app embeds tasks, counts, deployments; GET of all embeds tasks only when asked", async () => {
    const sim = await startTestSim();
    const task = await running(sim);
    const { app } = (await sim.call("GET", "/v2/apps/db")).data;
    expect(app).toMatchObject({ tasksRunning: 1, deployments: [], tasks: [{ id: task.id, state: "TASK_RUNNING" }] });
    const [plain] = (await sim.call("GET", "/v2/apps")).data.apps;
    expect(plain).toMatchObject({ tasksRunning: 1, deployments: [] });
    expect(plain).not.toHaveProperty("tasks");
    const [whole] = (await sim.call("GET", "/v2/apps?embed=apps.tasks")).data.apps;
    expect(whole.tasks).toHaveLength(1);
  });

  test("11: id is a substring match; label selectors by existence, equality and set", async () => {
    const sim = await startTestSim();
    await sim.call("POST", "/v2/apps", { ...COPY, id: "/a/one", labels: { tier: "db", env: "prod" } });
    await sim.call("POST", "/v2/apps", { ...COPY, id: "/a/two", labels: { tier: "web" } });
    const ids = async (query: string) =>
      (await sim.call("GET", `/v2/apps?${query}`)).data.apps.map(({ id }: { id: string }) => id);
    expect(await ids("id=tw")).toEqual(["/a/two"]);
    for (const [selector, expected] of [
      ["env", ["/a/one"]],
      ["tier==web", ["/a/two"]],
      ["tier!=web", ["/a/one"]],
      ["tier in (db,web)", ["/a/one", "/a/two"]],
      ["tier notin (db, x)", ["/a/two"]],
      ["tier==db,env==test", []],
    ] as const)
      expect(await ids(`label=${encodeURIComponent(selector)}`)).toEqual(expected);
  });

  test("11: DELETE of an app forces by default; restart does not", async () => {
    const sim = await startTestSim();
    await sim.call("POST", "/v2/apps", NOWHERE);
    expect((await sim.call("POST", "/v2/apps/db/restart")).status).toBe(409);
    expect((await sim.call("DELETE", "/v2/apps/db?force=false")).status).toBe(409);
    expect((await sim.call("DELETE", "/v2/apps/db")).status).toBe(200);
    expect((await sim.call("GET", "/v2/apps/db")).status).toBe(404);
  });

  test("11 and 14: kills answer with the tasks; a well-formed unknown id is passed over, a malformed one is 400", async () => {
    const sim = await startTestSim();
    const task = await running(sim);
    const unknown = task.id.replace(/(?<=instance-)[0-9a-f-]{36}/, "00000000-0000-4000-8000-000000000000");
    const many = await sim.call("POST", "/v2/tasks/delete", { ids: [unknown] });
    expect([many.status, many.data]).toEqual([200, { tasks: [] }]);
    expect((await sim.call("POST", "/v2/tasks/delete", { ids: ["nonsense"] })).status).toBe(400);
    const one = await sim.call("DELETE", `/v2/apps/db/tasks/${task.id}`);
    expect([one.status, one.data.task.id]).toEqual([200, task.id]);
    expect((await sim.call("DELETE", `/v2/apps/db/tasks/${unknown}`)).data).toEqual({
      message: `Task '${unknown}' does not exist`,
    });
  });

  test("11: scale=true answers with a deployment; scale and wipe together: 400", async () => {
    const sim = await startTestSim();
    const task = await running(sim);
    expect((await sim.call("DELETE", `/v2/apps/db/tasks/${task.id}?scale=true&wipe=true`)).status).toBe(400);
    const scaled = await sim.call("DELETE", `/v2/apps/db/tasks/${task.id}?scale=true`);
    expect(scaled.data).toHaveProperty("deploymentId");
    await settled(sim);
    expect((await sim.call("GET", "/v2/apps/db")).data.app.instances).toBe(0);
  });

  test("11: a cancelled deployment is 202 without a body; rolled back, 200 with a new one", async () => {
    const sim = await startTestSim();
    const { data } = await sim.call("PUT", "/v2/apps/db", NOWHERE);
    const cancelled = await sim.call("DELETE", `/v2/deployments/${data.deploymentId}?force=true`);
    expect([cancelled.status, cancelled.text]).toEqual([202, ""]);
    const again = await sim.call("PUT", "/v2/apps/db", { cmd: "exec sleep 3" });
    const back = await sim.call("DELETE", `/v2/deployments/${again.data.deploymentId}`);
    expect(back.data.deploymentId).not.toBe(again.data.deploymentId);
    expect((await sim.call("DELETE", "/v2/deployments/x")).data).toEqual({
      message: "DeploymentPlan x does not exist",
    });
  });

  test("8 and 15.1: a delay is reset with 204; with nothing waiting, 404", async () => {
    const sim = await startTestSim();
    await sim.call("POST", "/v2/apps", NOWHERE);
    expect((await sim.call("GET", "/v2/queue")).data.queue).toMatchObject([{ count: 1, app: { id: "/db" } }]);
    expect((await sim.call("DELETE", "/v2/queue//db/delay")).status).toBe(204);
    expect((await sim.call("DELETE", "/v2/queue/other/delay")).data).toEqual({
      message: "Application /other not found in tasks queue.",
    });
  });

  test("11: versions are listed, and one is read back", async () => {
    const sim = await startTestSim();
    await running(sim);
    await sim.call("PUT", "/v2/apps/db", { cmd: "exec sleep 2" });
    const { versions } = (await sim.call("GET", "/v2/apps/db/versions")).data;
    expect(versions).toHaveLength(2);
    expect((await sim.call("GET", `/v2/apps/db/versions/${versions[1]}`)).data.cmd).toBe(SINGLE.cmd);
  });

  test("11: tasks are text when text is asked for", async () => {
    const sim = await startTestSim();
    await running(sim);
    const { headers, text } = await sim.call("GET", "/v2/tasks", undefined, { headers: { accept: "text/plain" } });
    expect(headers["content-type"]).toContain("text/plain");
    expect(text).toContain("db\t");
  });
});

test("10: an id may be given with its slashes encoded, doubled or plain", async () => {
  const sim = await startTestSim();
  await sim.call("POST", "/v2/apps", { ...COPY, id: "/a/db" });
  for (const path of ["a/db", "/a/db", "%2Fa%2Fdb", "a%2Fdb/versions"])
    expect((await sim.call("GET", `/v2/apps/${path}`)).status).toBe(200);
  expect((await sim.call("GET", "/v2/apps/%zz")).status).toBe(400);
});

describe("facts 11 and 15.2: refusals in all their shapes", () => {
  test("11: 400 with details as a string: unparsable, and empty", async () => {
    const sim = await startTestSim();
    const broken = await sim.call("POST", "/v2/apps", undefined, { raw: "{" });
    expect([broken.status, broken.data]).toEqual([400, { message: "Invalid JSON", details: expect.any(String) }]);
    const none = await sim.call("POST", "/v2/apps");
    expect([none.status, none.data.message]).toEqual([400, "Please specify data in JSON format"]);
  });

  test("11: 422 with details as an array", async () => {
    const sim = await startTestSim();
    const upgradeStrategy = { minimumHealthCapacity: 2, maximumOverCapacity: 0 };
    expect((await sim.call("POST", "/v2/apps", { ...COPY, upgradeStrategy })).data).toEqual({
      message: "Object is not valid",
      details: [{ path: "/upgradeStrategy/minimumHealthCapacity", errors: ["is greater than 1"] }],
    });
  });

  test("11: 409 with the lock's deployments, and 409 for an id that exists without details", async () => {
    const sim = await startTestSim();
    const { data } = await sim.call("POST", "/v2/apps", NOWHERE);
    const locked = await sim.call("PUT", "/v2/apps/db", { instances: 2 });
    expect(locked.data.deployments).toEqual(data.deployments);
    expect((await sim.call("POST", "/v2/apps", COPY)).data).toEqual({
      message: "An app with id [/db] already exists.",
    });
  });

  test("11: 404 names the app; an unknown path is 500", async () => {
    const sim = await startTestSim();
    expect((await sim.call("GET", "/v2/apps/no/such")).data).toEqual({ message: "App '/no/such' does not exist" });
    const unknown = await sim.call("GET", "/v2/nothing");
    expect([unknown.status, unknown.data]).toEqual([500, { message: "URI not found" }]);
  });

  test("11: 401 of basic authentication is a page of the web server, with a challenge", async () => {
    const sim = await startTestSim({ credentials: { user: "u", password: "p" } });
    const refused = await sim.call("GET", "/v2/apps");
    expect(refused.status).toBe(401);
    expect(refused.headers["www-authenticate"]).toMatch(/^Basic /);
    expect(refused.headers["content-type"]).toContain("text/html");
    const headers = { authorization: `Basic ${Buffer.from("u:p").toString("base64")}` };
    expect((await sim.call("GET", "/v2/apps", undefined, { headers })).status).toBe(200);
    const wrong = { authorization: `Basic ${Buffer.from("u:q").toString("base64")}` };
    expect((await sim.call("GET", "/ping", undefined, { headers: wrong })).status).toBe(401);
  });

  test("11: 403 when 100 deployments run", async () => {
    const sim = await startTestSim();
    for (let number = 0; number < 100; number += 1)
      await sim.call("POST", "/v2/apps", { ...NOWHERE, id: `/a${number}` });
    const { status, data } = await sim.call("POST", "/v2/apps", NOWHERE);
    expect([status, data.message]).toEqual([403, expect.stringContaining("Max number (100) of running deployments")]);
  });

  test("11: answers that are not JSON, as a proxy or an overloaded server gives them", async () => {
    const sim = await startTestSim();
    sim.control.faults.answerWith({ status: 503, contentType: "text/plain", body: "busy" }, { method: "PUT" });
    const { status, text } = await sim.call("PUT", "/v2/apps/db", COPY);
    expect([status, text]).toEqual([503, "busy"]);
    expect((await sim.call("GET", "/v2/apps")).data.apps).toEqual([]);
  });
});

describe("facts 15.9 and 15.10", () => {
  test("15.9: a write is applied although its answer is lost", async () => {
    const sim = await startTestSim();
    sim.control.faults.loseReply({ method: "POST", path: /^\/v2\/apps$/ });
    await expect(sim.call("POST", "/v2/apps", COPY)).rejects.toThrow();
    expect(sim.control.faults.unused()).toBe(0);
    expect((await sim.call("GET", "/v2/apps/db")).status).toBe(200);
  });

  test("15.9: a write through a standby whose answer is lost is an error there, and applied", async () => {
    const sim = await startTestSim({ members: 2 });
    sim.control.faults.loseReply({ method: "POST" });
    const { status } = await sim.call("POST", "/v2/apps", COPY, { member: 1 });
    expect(status).toBe(502);
    expect((await sim.call("GET", "/v2/apps/db")).status).toBe(200);
  });

  test("15.9 and 12: a proxied write that takes longer than the read timeout is 500 at the standby, and applied", async () => {
    const sim = await startTestSim({ members: 2, timeScale: { flags: 0.01 } });
    const release = sim.control.faults.holdReply({ method: "POST" });
    const { status } = await sim.call("POST", "/v2/apps", COPY, { member: 1 });
    release();
    expect(status).toBe(500);
    expect((await sim.call("GET", "/v2/apps/db")).status).toBe(200);
  });

  test("15.10: two tasks are listed at once for instances: 1", async () => {
    const sim = await startTestSim();
    const { slaveId } = (await running(sim)) as unknown as { slaveId: string };
    sim.control.agent(slaveId).unreachable();
    const [task] = (await sim.call("GET", "/v2/apps/db/tasks")).data.tasks;
    expect(task.state).toBe("TASK_UNREACHABLE");
    await sim.call("DELETE", `/v2/apps/db/tasks/${task.id}`);
    sim.control.run("scale");
    const { app } = (await sim.call("GET", "/v2/apps/db")).data;
    expect(app).toMatchObject({ instances: 1, tasks: [{ state: "TASK_UNREACHABLE" }, {}] });
  });

  test("4: task states of a resident app show gone by operator as gone", async () => {
    const sim = await startTestSim();
    const { slaveId } = (await running(sim, RESIDENT)) as unknown as { slaveId: string };
    sim.control.agent(slaveId).unreachable();
    sim.control.agent(slaveId).markGone();
    const { app } = (await sim.call("GET", "/v2/apps/db")).data;
    expect(app.lastTaskFailure.state).toBe("TASK_GONE");
  });
});

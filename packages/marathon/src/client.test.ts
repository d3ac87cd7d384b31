import { createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMarathonClient, type MarathonClient } from "./client.js";
import { contracts, published } from "./contract.fixture.js";
import { APP, DEFINITION, json, RESULT, type Reply, recording, type SeenRequest } from "./marathon.fixture.js";

let loopback: Loopback;
let seen: SeenRequest[];
let reply: Reply;
let marathon: MarathonClient;

beforeEach(async () => {
  loopback = createLoopback();
  seen = [];
  const url = await loopback.http(recording(seen, (...args) => reply(...args)));
  marathon = createMarathonClient({ endpoints: [url] });
});
afterEach(() => loopback.close());

const TASK = { id: "db_orders.instance-1._app.1", appId: "/db/orders", state: "TASK_RUNNING", host: "node-1" };

/** Each call, what must go over the wire, and an answer that satisfies it. */
const CALLS: [string, (m: MarathonClient) => Promise<unknown>, Partial<SeenRequest>, number, unknown][] = [
  ["get", (m) => m.apps.get("/db/orders"), { method: "GET", path: "/v2/apps/db/orders" }, 200, { app: APP }],
  [
    "list",
    (m) => m.apps.list({ label: "holdfast", embed: ["apps.tasks", "apps.deployments"] }),
    { method: "GET", path: "/v2/apps", query: { label: ["holdfast"], embed: ["apps.tasks", "apps.deployments"] } },
    200,
    { apps: [APP] },
  ],
  [
    "create",
    (m) => m.apps.create(DEFINITION),
    { method: "POST", path: "/v2/apps", query: { force: ["false"] }, body: DEFINITION },
    201,
    APP,
  ],
  [
    "replace",
    (m) => m.apps.replace("/db/orders", DEFINITION),
    {
      method: "PUT",
      path: "/v2/apps/db/orders",
      query: { partialUpdate: ["false"], force: ["false"] },
      body: DEFINITION,
    },
    200,
    RESULT,
  ],
  [
    "patch",
    (m) => m.apps.patch("/db/orders", { labels: { a: "b" } }, { force: true }),
    { method: "PATCH", path: "/v2/apps/db/orders", query: { force: ["true"] }, body: { labels: { a: "b" } } },
    200,
    RESULT,
  ],
  [
    "scale",
    (m) => m.apps.scale("/db/orders", 0),
    { method: "PATCH", path: "/v2/apps/db/orders", body: { instances: 0 } },
    200,
    RESULT,
  ],
  [
    "restart",
    (m) => m.apps.restart("/db/orders"),
    { method: "POST", path: "/v2/apps/db/orders/restart", query: { force: ["false"] } },
    200,
    RESULT,
  ],
  [
    "revert",
    (m) => m.apps.revert("/db/orders", "2026-01-01T00:00:00.000Z"),
    { method: "PUT", path: "/v2/apps/db/orders", body: { version: "2026-01-01T00:00:00.000Z" } },
    200,
    RESULT,
  ],
  [
    "delete without force, although Marathon's default is true",
    (m) => m.apps.delete("/db/orders"),
    { method: "DELETE", path: "/v2/apps/db/orders", query: { force: ["false"] } },
    200,
    RESULT,
  ],
  [
    "versions",
    (m) => m.apps.versions("/db/orders"),
    { method: "GET", path: "/v2/apps/db/orders/versions" },
    200,
    { versions: ["2026-01-01T00:00:00.000Z"] },
  ],
  [
    "version",
    (m) => m.apps.version("/db/orders", "2026-01-01T00:00:00.000Z"),
    { method: "GET", path: "/v2/apps/db/orders/versions/2026-01-01T00%3A00%3A00.000Z" },
    200,
    APP,
  ],
  [
    "tasks of an app",
    (m) => m.tasks.list({ app: "/db/orders" }),
    { method: "GET", path: "/v2/apps/db/orders/tasks" },
    200,
    { tasks: [TASK] },
  ],
  [
    "all tasks",
    (m) => m.tasks.list({ status: "running" }),
    { method: "GET", path: "/v2/tasks", query: { status: ["running"] } },
    200,
    { tasks: [] },
  ],
  [
    "kill with wipe",
    (m) => m.tasks.kill([TASK.id], { wipe: true }),
    {
      method: "POST",
      path: "/v2/tasks/delete",
      query: { scale: ["false"], wipe: ["true"], force: ["false"] },
      body: { ids: [TASK.id] },
    },
    200,
    { tasks: [TASK] },
  ],
  [
    "kill one",
    (m) => m.tasks.killOne("/db/orders", TASK.id),
    { method: "DELETE", path: `/v2/apps/db/orders/tasks/${TASK.id}` },
    200,
    { task: TASK },
  ],
  [
    "kill all of an app on a host, with scale",
    (m) => m.tasks.killOf("/db/orders", { host: "node-1", scale: true }),
    {
      method: "DELETE",
      path: "/v2/apps/db/orders/tasks",
      query: { scale: ["true"], wipe: ["false"], force: ["false"], host: ["node-1"] },
    },
    200,
    RESULT,
  ],
  ["deployments", (m) => m.deployments.list(), { method: "GET", path: "/v2/deployments" }, 200, []],
  [
    "cancel",
    (m) => m.deployments.cancel("d-1"),
    { method: "DELETE", path: "/v2/deployments/d-1", query: { force: ["false"] } },
    200,
    RESULT,
  ],
  [
    "queue",
    (m) => m.queue.list({ lastUnusedOffers: true }),
    { method: "GET", path: "/v2/queue", query: { embed: ["lastUnusedOffers"] } },
    200,
    {},
  ],
  ["leader", (m) => m.leader(), { method: "GET", path: "/v2/leader" }, 200, { leader: "m1:8080" }],
  ["abdicate", (m) => m.abdicate(), { method: "DELETE", path: "/v2/leader" }, 200, { message: "Leadership abdicated" }],
  ["metrics", (m) => m.metrics(), { method: "GET", path: "/metrics" }, 200, { version: "4.0.0" }],
];

test.each(CALLS)("%s goes over the wire as the contract says", async (_, call, expected, status, answer) => {
  reply = (_seen, response) => json(response, status, answer);
  await call(marathon);
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject(expected);
  expect(seen[0]?.headers.accept).toBe("application/json");
});

test("what is sent as a definition is valid by the published schema", async ({ skip }) => {
  if (!contracts.found) return skip(contracts.reason);
  reply = (request, response) =>
    json(response, request.method === "POST" ? 201 : 200, request.method === "POST" ? APP : RESULT);
  await marathon.apps.create(DEFINITION);
  await marathon.apps.replace("/db/orders", DEFINITION);
  for (const { body } of seen) expect(published().problems(body)).toEqual([]);
  expect(seen).toHaveLength(2);
});

test("a misspelt field is refused and nothing is sent", async () => {
  const misspelt = { ...DEFINITION, unreachableStratgy: "disabled" };
  await expect(marathon.apps.create(misspelt)).rejects.toMatchObject({ code: "INVALID_SPEC" });
  await expect(marathon.apps.replace("/db/orders", misspelt)).rejects.toThrow("unreachableStratgy");
  expect(seen).toEqual([]);
});

test.each([
  "",
  "/",
  "db",
  "/DB",
  "/db/..",
  "/../x",
  "/db//x",
  "/db/tasks",
  "/db/*",
  "/a_b",
  "/db?x=1",
  "/db#",
  "/a/%2e%2e",
])("the id %j becomes no part of a URL", async (id) => {
  await expect(marathon.apps.get(id)).rejects.toMatchObject({ code: "INVALID_SPEC" });
  await expect(marathon.apps.delete(id)).rejects.toMatchObject({ code: "INVALID_SPEC" });
  await expect(marathon.queue.resetDelay(id)).rejects.toMatchObject({ code: "INVALID_SPEC" });
  expect(seen).toEqual([]);
});

test("scale with wipe, and a kill of nothing, are refused and nothing is sent", async () => {
  await expect(marathon.tasks.kill(["x"], { scale: true, wipe: true })).rejects.toMatchObject({ code: "INVALID_SPEC" });
  await expect(marathon.tasks.kill([])).rejects.toMatchObject({ code: "INVALID_SPEC" });
  expect(seen).toEqual([]);
});

test("a kill answers tasks, one task, or a deployment", async () => {
  const answers: unknown[] = [{ tasks: [TASK] }, { task: TASK }, RESULT];
  reply = (_seen, response) => json(response, 200, answers.shift());
  expect(await marathon.tasks.kill(["a"])).toMatchObject({ kind: "tasks", tasks: [{ id: TASK.id }] });
  expect(await marathon.tasks.killOne("/db/orders", "a")).toMatchObject({ kind: "tasks", tasks: [{ id: TASK.id }] });
  expect(await marathon.tasks.killOf("/db/orders", { scale: true })).toEqual({ kind: "deployment", ...RESULT });
});

test("a forced cancellation has no body, and resolves with null", async () => {
  reply = (_seen, response) => response.writeHead(202).end();
  expect(await marathon.deployments.cancel("d-1", { force: true })).toBeNull();
});

test.each([200, 204])("a reset delay is done with %d and no body", async (status) => {
  reply = (_seen, response) => response.writeHead(status).end();
  await marathon.queue.resetDelay("/db/orders");
  expect(seen[0]).toMatchObject({ method: "DELETE", path: "/v2/queue/db/orders/delay" });
});

test("replace says whether it created the app", async () => {
  const statuses = [201, 200];
  reply = (_seen, response) => json(response, statuses.shift() as number, RESULT);
  expect(await marathon.apps.replace("/db/orders", DEFINITION)).toMatchObject({ created: true });
  expect(await marathon.apps.replace("/db/orders", DEFINITION)).toMatchObject({ created: false });
});

test("find gives null for an app that does not exist, and nothing else is taken for that", async () => {
  reply = (_seen, response) => json(response, 404, { message: "App '/db/orders' does not exist" });
  expect(await marathon.apps.find("/db/orders")).toBeNull();
  reply = (_seen, response) => response.writeHead(404).end("<html><title>404</title></html>");
  await expect(marathon.apps.find("/db/orders")).rejects.toMatchObject({ code: "API_UNREADABLE" });
});

test("no leader is null", async () => {
  reply = (_seen, response) => json(response, 404, { message: "There is no leader" });
  expect(await marathon.leader()).toBeNull();
});

test.each(["pong", '"pong"', "pong\n"])("%j is a pong", async (text) => {
  reply = (_seen, response) => response.end(text);
  await marathon.ping();
});

test("a login page is no pong and no app", async () => {
  reply = (_seen, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>log in</html>");
  await expect(marathon.ping()).rejects.toMatchObject({ code: "API_UNREADABLE" });
  await expect(marathon.apps.get("/db/orders")).rejects.toMatchObject({ code: "API_UNREADABLE" });
  // For a change, that it was not applied cannot be concluded.
  await expect(marathon.apps.delete("/db/orders")).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
});

test("what is not known is kept, null is absent, and what is needed is demanded, with one error", async () => {
  reply = (_seen, response) =>
    json(response, 200, { app: { ...APP, user: null, somethingNew: { a: 1 }, env: { S: "hunter2" } } });
  const app = await marathon.apps.get("/db/orders");
  expect(app.somethingNew).toEqual({ a: 1 });
  expect("user" in app).toBe(false);
  reply = (_seen, response) =>
    json(response, 200, { app: { ...APP, version: undefined, instances: "many", env: { S: "hunter2" } } });
  const error = await marathon.apps.get("/db/orders").catch((failure: Error) => failure);
  expect(error).toMatchObject({ code: "API_UNREADABLE" });
  expect(String(error)).toContain("app.version");
  expect(String(error)).toContain("app.instances");
  expect(String(error) + JSON.stringify(error)).not.toContain("hunter2");
});

test("a wrong configuration is refused before anything is contacted", () => {
  expect(() => createMarathonClient({ endpoints: [] })).toThrowError(expect.objectContaining({ code: "INVALID_SPEC" }));
  expect(() => createMarathonClient({ endpoints: ["m1:8080"] })).toThrowError(
    expect.objectContaining({ code: "INVALID_SPEC" }),
  );
  const unknown = { endpoints: ["http://m1"], tls: { caPath: "/x" } } as never;
  expect(() => createMarathonClient(unknown)).toThrow("caPath");
});

import { describe, expect, test } from "vitest";
import { ANYWHERE, json, running, startOrchestrator, startSmallMarathon } from "../server.fixture.js";
import { makeService } from "../service.fixture.js";
import { AGENT, APP_ID, makeTask, SERVICE } from "../view.fixture.js";

describe("apply", () => {
  test("creates, and does nothing when it is called again", async () => {
    const { small, compiled, apply, op, told } = await startOrchestrator();
    await apply(op, compiled);
    await apply(op, compiled);
    expect(small.changes().map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /v2/apps"]);
    expect(small.changes()[0]?.body).toEqual(compiled.definition);
    expect(told.map(({ diff }) => diff.effect)).toEqual(["create"]);
  });

  test("says RESTART before it sends the whole definition, without force", async () => {
    const before: [string | undefined, number][] = [];
    const small = await startSmallMarathon({
      onApply: ({ lines }) => void before.push([lines[0], small.changes().length]),
    });
    const compiled = small.orchestrator.compile(makeService(), ANYWHERE);
    small.apps.set(APP_ID, running(compiled, { mem: 100 }));
    await small.orchestrator.apply(small.op, compiled);
    expect(before).toEqual([[expect.stringContaining(`RESTART of ${makeTask().id} on ${AGENT}`), 0]]);
    const [put] = small.changes();
    expect(put).toMatchObject({ method: "PUT", path: "/v2/apps/orders-db", body: compiled.definition });
    expect(Object.fromEntries(put?.query ?? [])).toEqual({ partialUpdate: "false", force: "false" });
  });

  test("what onApply throws stops the change", async () => {
    const small = await startSmallMarathon({
      onApply: () => {
        throw new Error("the operator said no");
      },
    });
    const compiled = small.orchestrator.compile(makeService(), ANYWHERE);
    await expect(small.orchestrator.apply(small.op, compiled)).rejects.toThrow("the operator said no");
    expect(small.changes()).toEqual([]);
  });

  test.each([
    ["a foreign app of the same id", { labels: { team: "other" } }, "RECORD_EXISTS"],
    ["an unreachable task", { tasks: [makeTask("TASK_UNREACHABLE")] }, "HELD_BY_OTHER"],
  ])("%s: one code, one hint, nothing changed", async (_, change, code) => {
    const { small, compiled, apply, stop, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled, { mem: 100, ...change }));
    for (const act of [() => apply(op, compiled), () => stop(op, SERVICE)]) {
      await expect(act()).rejects.toMatchObject({ code, hint: expect.stringMatching(/./) });
    }
    expect(small.changes()).toEqual([]);
  });

  test("a lock that was there before is BUSY with its deployments, and so is one that came in between", async () => {
    const { small, compiled, apply, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled, { mem: 100 }));
    small.deployments.push({ id: "theirs", affectedApps: [APP_ID] });
    const busy = { code: "BUSY", retryable: true, detail: { deployments: ["theirs"] } };
    await expect(apply(op, compiled)).rejects.toMatchObject(busy);
    expect(small.changes()).toEqual([]);
    small.deployments.length = 0;
    const body = { message: "App is locked by one or more deployments.", deployments: [{ id: "theirs" }] };
    small.intercept = ({ method }, response) => (method === "PUT" ? json(response, 409, body) : undefined);
    await expect(apply(op, compiled)).rejects.toMatchObject(busy);
    expect(small.apps.get(APP_ID)?.mem).toBe(100);
  });

  test.each([
    ["a list", [{ path: "/mem", errors: ["too much"] }], [{ path: "/mem", message: "too much" }]],
    ["a text", "too much", [{ path: "", message: "too much" }]],
    ["nothing", undefined, undefined],
  ])("422 with details as %s", async (_, details, errors) => {
    const { small, compiled, apply, op } = await startOrchestrator();
    small.intercept = ({ method }, response) =>
      method === "POST" ? json(response, 422, { message: "Object is not valid", details }) : undefined;
    const problem = await apply(op, compiled).catch((error: unknown) => error);
    expect(problem).toMatchObject({ code: "INVALID_SPEC" });
    expect((problem as { detail: { errors?: unknown } }).detail.errors).toEqual(errors);
    expect(small.apps.size).toBe(0);
  });

  test("401 as an HTML page is DENIED", async () => {
    const { small, compiled, apply, op } = await startOrchestrator();
    small.intercept = (_, response) => {
      response
        .writeHead(401, { "content-type": "text/html", "www-authenticate": "Basic" })
        .end("<html><title>Error 401</title></html>");
      return "done";
    };
    await expect(apply(op, compiled)).rejects.toMatchObject({
      code: "DENIED",
      message: expect.stringContaining("401"),
    });
  });

  test("the answer is lost and the change applied: success; nothing is sent twice", async () => {
    const { small, compiled, apply, op } = await startOrchestrator();
    small.intercept = ({ method }) => (method === "GET" ? undefined : "lost");
    await apply(op, compiled);
    small.apps.set(APP_ID, running(compiled, { mem: 100 }));
    await apply(op, compiled);
    expect(small.changes().map(({ method }) => method)).toEqual(["POST", "PUT"]);
  });

  test("the answer is lost and nothing applied: UNKNOWN_OUTCOME, to be called again", async () => {
    const { small, compiled, apply, op } = await startOrchestrator();
    small.intercept = ({ method }, response) => {
      if (method === "GET") return undefined;
      response.destroy();
      return "done";
    };
    await expect(apply(op, compiled)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME", retryable: true });
    small.intercept = () => undefined;
    await apply(op, compiled);
    expect(small.apps.get(APP_ID)?.labels).toEqual(compiled.definition.labels);
  });

  test("somebody else changes the app at the same time: VERSION_CONFLICT, with the fields", async () => {
    const { small, compiled, apply, op } = await startOrchestrator();
    small.onChange = () => {
      const app = small.apps.get(APP_ID);
      if (app !== undefined) app.cpus = 7;
    };
    await expect(apply(op, compiled)).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
      detail: { fields: ["/cpus"] },
    });
  });

  test("an unhealthy instance: stopped, waited for, then given its definition; told once", async () => {
    const { small, compiled, apply, op, told } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled, { mem: 100, tasksHealthy: 0, tasksUnhealthy: 1 }));
    let looks = 0;
    small.intercept = ({ method }) => {
      const app = small.apps.get(APP_ID);
      if (method === "GET" && app?.instances === 0) {
        looks += 1;
        if (looks === 1) app.tasks = [makeTask("TASK_KILLING")];
        if (looks === 4) app.tasks = [];
      }
      return undefined;
    };
    await apply(op, compiled);
    expect(small.changes().map(({ method, body }) => [method, body.instances])).toEqual([
      ["PATCH", 0],
      ["PUT", 1],
    ]);
    expect(looks).toBeGreaterThanOrEqual(4);
    expect(told.map(({ diff }) => diff.effect)).toEqual(["restart"]);
  });

  test("a wait ends with the signal", async () => {
    const abort = new AbortController();
    const small = await startSmallMarathon({}, abort);
    const compiled = small.orchestrator.compile(makeService(), ANYWHERE);
    small.apps.set(APP_ID, running(compiled, { instances: 0, tasks: [makeTask("TASK_KILLING")] }));
    const applied = small.orchestrator.apply(small.op, compiled);
    setTimeout(() => abort.abort(new Error("enough")), 100);
    await expect(applied).rejects.toThrow("enough");
    expect(small.changes()).toEqual([]);
  });

  test("a definition of another group or service is not sent", async () => {
    const { compiled, apply, op, small } = await startOrchestrator({ group: "/db" });
    for (const change of [{ id: "/orders-db" }, { labels: {} }, { mme: 1 }]) {
      const definition = { ...compiled.definition, ...change };
      await expect(apply(op, { definition })).rejects.toMatchObject({ code: "INVALID_SPEC" });
    }
    expect(small.seen).toEqual([]);
  });

  test("plan says what apply would do, and changes nothing", async () => {
    const { small, compiled, plan, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled, { mem: 100 }));
    expect(await plan(op, compiled)).toMatchObject({ kind: "replace", diff: { effect: "restart" } });
    expect(small.changes()).toEqual([]);
  });
});

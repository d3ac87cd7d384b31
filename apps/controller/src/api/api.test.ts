import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HoldfastError, storePaths } from "@holdfast/core";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type * as z from "zod";
import { addToken, ROLES, type Role, Tokens } from "../auth/tokens.js";
import { ControllerRig, CrashPoint, makeService, SERVICE } from "../controller-rig.fixture.js";
import { EventHub } from "../events.js";
import type { Route } from "./route.js";
import { createRoutes } from "./routes.js";
import { type ApiOptions, createApi, isLoopback } from "./server.js";

/** The API on a store in memory; answers are checked against the schemas that the reference is made from. */
let directory: string;
let rig: ControllerRig;
let server: FastifyInstance;
let options: ApiOptions;
let routes: readonly Route[];
let tokens: Record<Role, string>;
let changed: (string | null)[];
const stop = new AbortController();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-api-"));
  rig = new ControllerRig();
  const file = join(directory, "tokens.json");
  tokens = { view: "", operate: "", admin: "" };
  for (const role of ROLES) tokens[role] = await addToken(file, { name: `a ${role}`, role }, rig.clock.wallTime());
  changed = [];
  routes = createRoutes(rig.context("api"), { version: "1.2.3", leads: () => false });
  options = {
    ...{ routes, version: "1.2.3", tokens: await Tokens.open(file), events: new EventHub(), logger: rig.logger },
    ...{ eventsAt: async () => ({ url: "https://leader.example/" }), tls: null, signal: stop.signal },
    onChanged: (service) => void changed.push(service),
  };
  server = await createApi(options);
});

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked against the schema of their route
  readonly body: Record<string, any> & { readonly error?: HoldfastError };
}

async function ask(role: Role | null, method: Route["method"], url: string, body?: unknown): Promise<Answer> {
  const response = await server.inject({
    ...{ method, url },
    headers: role === null ? {} : { authorization: `Bearer ${tokens[role]}` },
    ...(body === undefined ? {} : { payload: body as object }),
  });
  const answer = response.json() as Answer["body"];
  const path = url.split("?", 1)[0]?.replace(SERVICE, "{service}").replace("nobody", "{service}");
  const route = routes.find((of) => of.method === method && of.path === path);
  if (response.statusCode < 300 && route !== undefined) (route.answer as z.ZodType).parse(answer);
  return { status: response.statusCode, body: answer };
}

const path = (rest = "") => `/v1/services/${SERVICE}${rest}`;
const plan = (service: unknown = makeService()) => ask("view", "POST", path("/plan"), { service });
const put = (planHash: unknown, service: unknown = makeService()) =>
  ask("operate", "PUT", path(), { service, planHash });

async function apply(service: unknown = makeService()): Promise<Answer> {
  return put((await plan(service)).body.hash, service);
}

/** The leader's part. */
async function reconcile(): Promise<void> {
  const living = new CrashPoint(null);
  await rig.settle(rig.work(rig.leading("leader", 1n, living), living));
}

describe("who may", () => {
  test("nothing without a token, or with one that is not known", async () => {
    expect(await ask(null, "GET", "/v1/services")).toMatchObject({ status: 401, body: { error: { code: "DENIED" } } });
    tokens.admin = `${tokens.admin}x`;
    const response = await server.inject({ url: "/v1/audit", headers: { authorization: `Bearer ${tokens.admin}` } });
    expect(response.statusCode).toBe(401);
    expect(response.headers["www-authenticate"]).toBe("Bearer");
    expect((await server.inject({ url: "/v1/events" })).statusCode).toBe(401);
  });

  test("each operation with its role and the higher ones, and with no lower one", async () => {
    for (const { method, path: template, role } of routes) {
      const url = template.replace("{service}", "nobody");
      for (const own of ROLES) {
        const { status } = await ask(own, method, url, method === "GET" ? undefined : {});
        const allowed = ROLES.indexOf(own) >= ROLES.indexOf(role);
        expect(status === 403, `${own} ${method} ${url}: ${status}`).toBe(!allowed);
      }
    }
  });

  test("the health check and the description of the API need no token", async () => {
    expect((await server.inject({ url: "/healthz" })).json()).toEqual({ ok: true });
    expect((await server.inject({ url: "/openapi.json" })).statusCode).toBe(200);
  });
});

describe("plan and apply", () => {
  test("a plan changes nothing and its hash applies it; the same again changes nothing", async () => {
    const planned = await plan();
    expect(planned).toMatchObject({
      status: 200,
      body: { action: "create", effect: { effect: "create" }, confirm: null },
    });
    const store = rig.server.connect();
    expect(await store.get(storePaths.catalogue(SERVICE), { timeoutMs: 1_000 })).toBeUndefined();
    const applied = await put(planned.body.hash);
    expect(applied).toMatchObject({ status: 200, body: { generation: 1, by: "a operate", desired: "running" } });
    expect(changed).toContain(SERVICE);
    const again = await plan();
    expect(again.body).toMatchObject({ action: "none" });
    expect((await put(again.body.hash)).body).toMatchObject({ generation: 1 });
  });

  test("is refused when the world moved: another holder, another file, another operator", async () => {
    const agreed = (await plan()).body.hash;
    await rig.holds();
    const refused = await put(agreed);
    expect(refused).toMatchObject({ status: 409, body: { error: { code: "VERSION_CONFLICT" } } });
    const second = (await plan()).body.hash;
    expect((await put(second, makeService({ memMiB: 1_024 }))).status).toBe(409);
    expect((await put(second)).status).toBe(200);
    const third = (await plan(makeService({ memMiB: 512 }))).body.hash;
    await apply(makeService({ memMiB: 300 }));
    expect((await put(third, makeService({ memMiB: 512 }))).status).toBe(409);
    expect(rig.effects).toEqual([]);
  });

  test("of two at once that agreed to the same world one is refused", async () => {
    const [a, b] = [makeService({ memMiB: 512 }), makeService({ memMiB: 1_024 })];
    const [hashA, hashB] = [(await plan(a)).body.hash, (await plan(b)).body.hash];
    rig.meanwhile = async () => {
      expect((await put(hashB, b)).status).toBe(200);
    };
    expect(await put(hashA, a)).toMatchObject({ status: 409, body: { error: { code: "VERSION_CONFLICT" } } });
    expect((await plan(b)).body).toMatchObject({ action: "none", generation: 1 });
  });

  test("says restart when what runs would be replaced", async () => {
    await apply();
    await reconcile();
    expect((await plan(makeService({ memMiB: 512 }))).body).toMatchObject({
      ...{ action: "update", effect: { effect: "restart" }, generation: 1 },
    });
  });

  test("a file that is wrong is refused with every key, and one of another name", async () => {
    const wrong = { ...makeService(), spec: { ...makeService().spec, colour: "red" } };
    const refused = await plan(wrong);
    expect(refused).toMatchObject({ status: 422, body: { error: { code: "INVALID_SPEC" } } });
    expect(refused.body.error?.message).toContain("colour");
    expect((await plan(makeService({ name: "another" }))).status).toBe(400);
  });
});

describe("destroy", () => {
  test("needs the token of its own plan, stops the service, and leaves its data", async () => {
    await apply();
    await reconcile();
    await rig.holds({ state: { kind: "released" } });
    const planned = (await ask("view", "POST", path("/destroy/plan"), {})).body;
    expect(planned.keeps).toEqual(["the data of data (fake), mounted at /srv/data"]);
    const destroy = (confirm: unknown) => ask("admin", "POST", path("/destroy"), { confirm });
    expect((await destroy("yes")).body.error).toMatchObject({ code: "USAGE" });
    await rig.holds({ epoch: 8n, state: { kind: "released" } });
    expect((await destroy(planned.confirm)).body.error).toMatchObject({ code: "VERSION_CONFLICT" });
    const fresh = (await ask("view", "POST", path("/destroy/plan"), {})).body;
    expect((await destroy(fresh.confirm)).body).toMatchObject({ desired: "destroyed", generation: 2 });
    await reconcile();
    expect(rig.effects).toEqual(["apply 256", "stop"]);
    expect(rig.strategy.calls).not.toContain("destroy");
    expect((await ask("view", "GET", "/v1/services")).body).toEqual({ services: [], next: null });
  });
});

describe("pause", () => {
  const body = { reason: "kernel update", forMs: 60_000 };

  test("of one service stops what the controller would do until it is resumed", async () => {
    await apply();
    expect((await ask("operate", "POST", path("/pause"), body)).body).toEqual({ before: null });
    await reconcile();
    expect(rig.effects).toEqual([]);
    expect((await ask("view", "GET", path())).body).toMatchObject({ state: "waiting", code: "PAUSED" });
    const resumed = await ask("operate", "POST", path("/resume"), {});
    expect(resumed.body).toMatchObject({ before: { owner: "a operate", reason: "kernel update" } });
    await reconcile();
    expect(rig.effects).toEqual(["apply 256"]);
  });

  test("of all is for an admin, and ends by itself", async () => {
    await apply();
    expect((await ask("operate", "POST", "/v1/pause", body)).status).toBe(403);
    await ask("admin", "POST", "/v1/pause", body);
    await reconcile();
    expect(rig.effects).toEqual([]);
    expect((await ask("view", "GET", "/v1/controller")).body).toMatchObject({ pause: { owner: "a admin" } });
    await rig.clock.advance(60_000);
    await reconcile();
    expect(rig.effects).toEqual(["apply 256"]);
  });

  test("has an end and a reason, or is refused", async () => {
    await apply();
    for (const wrong of [{}, { reason: "x" }, { ...body, forMs: 8 * 24 * 3_600_000 }, { ...body, reason: "" }]) {
      expect((await ask("operate", "POST", path("/pause"), wrong)).body.error).toMatchObject({ code: "USAGE" });
    }
    expect((await ask("operate", "POST", "/v1/services/nobody/pause", body)).status).toBe(404);
  });
});

describe("handing over", () => {
  test("a dry run says what would be done, and writes nothing", async () => {
    await apply();
    await rig.holds();
    const { status, body } = await ask("operate", "POST", path("/failover"), { dryRun: true });
    expect(status).toBe(202);
    expect(body).toMatchObject({ kind: "failover", fences: true, lease: { epoch: "7" } });
    expect((await rig.decisions())?.current ?? null).toBeNull();
  });

  test("is put on record for the leader, one at a time", async () => {
    await apply();
    await reconcile();
    await rig.holds();
    const { status, body } = await ask("operate", "POST", path("/switchover"), { to: "b", reason: "kernel" });
    expect(status).toBe(202);
    expect((await rig.decisions())?.current).toMatchObject({
      ...{ id: body.operation, kind: "switchover", by: "a operate", reason: "kernel" },
      handover: { to: "b", from: { epoch: 7n, agent: "a" } },
    });
    expect((await ask("operate", "POST", path("/switchover"), {})).body.error).toMatchObject({ code: "BUSY" });
  });

  test("is refused where there is nothing to hand over, and a failover without a yes", async () => {
    await apply();
    expect((await ask("operate", "POST", path("/switchover"), {})).body.error).toMatchObject({ code: "NOT_FOUND" });
    await rig.holds();
    expect((await ask("operate", "POST", path("/failover"), {})).body.error).toMatchObject({ code: "USAGE" });
  });
});

describe("looking", () => {
  test("explain says who holds it, what it waits for, and what to do", async () => {
    await apply();
    await reconcile();
    await rig.holds();
    rig.orchestrator.setTasks(SERVICE, [
      { id: "task-1", agent: "a", run: null, state: "unreachable", since: rig.clock.wallTime(), exitCode: null },
    ]);
    await apply(makeService({ memMiB: 512 }));
    const { body } = await ask("view", "GET", path("/explain"));
    expect(body).toMatchObject({
      ...{ state: "waiting", code: "UNREACHABLE_TASK", holder: { epoch: "7", agent: "a", state: "held" } },
      because: expect.arrayContaining([expect.stringContaining("epoch 7 is held by run run-of-seven on a")]),
      volumes: [{ role: "data", strategy: "fake", mountPath: "/srv/data" }],
    });
    expect(body.actions.length).toBeGreaterThan(0);
  });

  test("history has the runs and what the controller did", async () => {
    await apply();
    await reconcile();
    expect((await ask("view", "GET", path("/history"))).body).toMatchObject({
      ...{ runs: [], operations: [{ kind: "reconcile", state: "done", by: "a operate" }] },
    });
    expect((await ask("view", "GET", "/v1/services/nobody/history")).status).toBe(404);
  });

  test("an orchestrator that is silent is part of the answer", async () => {
    await apply();
    rig.silent = true;
    expect((await ask("view", "GET", path())).body).toMatchObject({ code: "ORCHESTRATOR_SILENT" });
  });

  test("services come page by page, in order", async () => {
    const names = ["c", "a", "b"].map((letter) => `${letter}-db`);
    for (const name of names) await rig.catalogue(makeService({ name }));
    const page = async (query: string) => (await ask("view", "GET", `/v1/services?${query}`)).body;
    const first = await page("limit=2");
    expect(first.services.map(({ service }: { service: string }) => service)).toEqual(["a-db", "b-db"]);
    expect(await page(`limit=2&after=${first.next}`)).toMatchObject({ services: [{ service: "c-db" }], next: null });
    expect((await ask("view", "GET", "/v1/services?limit=9999")).status).toBe(400);
  });
});

describe("the audit", () => {
  test("has every change with who and how it ended, and no look", async () => {
    await plan();
    await apply();
    await put("stale");
    await ask("operate", "POST", path("/acknowledge"), { note: "seen" });
    const { entries } = (await ask("admin", "GET", "/v1/audit")).body as unknown as {
      entries: Record<string, string>[];
    };
    expect(entries.map(({ action, outcome, who }: Record<string, string>) => `${who}: ${action} ${outcome}`)).toEqual([
      ...["a operate: acknowledge done", "a operate: apply VERSION_CONFLICT", "a operate: apply done"],
    ]);
    expect(rig.logger.lines.filter(({ message }) => message === "audit").length).toBe(6);
  });

  test("comes before the change: where it cannot be written, nothing is changed", async () => {
    const { hash } = (await plan()).body;
    rig.server.inject({ op: "create", path: storePaths.controller.audit }, { kind: "refused", code: "DENIED" });
    expect((await put(hash)).body.error).toMatchObject({ code: "DENIED" });
    const store = rig.server.connect();
    expect(await store.get(storePaths.catalogue(SERVICE), { timeoutMs: 1_000 })).toBeUndefined();
  });
});

describe("bad requests", () => {
  test("are refused in one form, with a code and a hint", async () => {
    const headers = { authorization: `Bearer ${tokens.admin}`, "content-type": "application/json" };
    const send = (url: string, payload: string, type = headers["content-type"]) =>
      server.inject({ method: "POST", url, headers: { ...headers, "content-type": type }, payload });
    const table = [
      [await send(path("/plan"), "{"), 400],
      [await send(path("/plan"), "{}"), 400],
      [await send(path("/plan"), JSON.stringify({ service: {}, extra: 1 })), 400],
      [await send(path("/plan"), "x", "text/plain"), 400],
      [await send("/v1/services/NOT_A_NAME/plan", "{}"), 400],
      [await send("/v1/nothing", "{}"), 404],
      [await send(path("/plan"), JSON.stringify({ service: { text: "x".repeat(300_000) } })), 413],
    ] as const;
    for (const [response, status] of table) {
      expect(response.statusCode).toBe(status);
      const { error } = response.json();
      expect(Object.keys(error).sort()).toEqual(["code", "detail", "hint", "message", "retryable"]);
    }
  });

  test("a store that stays away makes the answer late and not wrong", async () => {
    await server.close();
    server = await createApi({ ...options, requestMs: 100 });
    rig.server.inject({ op: "get", times: 1_000 }, { kind: "refused", code: "STORE_UNREACHABLE" });
    const moving = setInterval(() => void rig.clock.advance(100), 5);
    try {
      const body = { reason: "x", forMs: 60_000 };
      expect(await ask("admin", "POST", "/v1/pause", body)).toMatchObject({
        ...{ status: 503, body: { error: { code: "UNKNOWN_OUTCOME", retryable: true } } },
      });
      expect((await ask("view", "GET", path())).status).toBe(503);
    } finally {
      clearInterval(moving);
    }
  });

  test("a record that cannot be read is named", async () => {
    const { hash } = (await plan()).body;
    const broken = rig.server.connect();
    await broken.create(storePaths.decisions(SERVICE), new TextEncoder().encode("{"), { timeoutMs: 1_000 });
    const refused = await put(hash);
    expect(refused).toMatchObject({ status: 500, body: { error: { code: "RECORD_INVALID" } } });
  });
});

test("events are at the leader, to which a follower sends its readers", async () => {
  const response = await server.inject({ url: "/v1/events", headers: { authorization: `Bearer ${tokens.view}` } });
  expect([response.statusCode, response.headers.location]).toEqual([307, "https://leader.example/v1/events"]);
});

test("a loopback address is one that no other machine reaches", () => {
  expect(["127.0.0.1", "127.8.8.8", "::1", "localhost"].every(isLoopback)).toBe(true);
  expect(["0.0.0.0", "::", "10.0.0.1", "127.example.org", "", "::ffff:10.0.0.1"].some(isLoopback)).toBe(false);
});

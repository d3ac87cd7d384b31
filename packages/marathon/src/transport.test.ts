import type { RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMarathonClient } from "./client.js";
import { APP, DEFINITION, json, RESULT, rawAnswer, recording, type SeenRequest } from "./marathon.fixture.js";

let loopback: Loopback;
let seen: SeenRequest[];
beforeEach(() => {
  loopback = createLoopback();
  seen = [];
});
afterEach(() => loopback.close());

const ok: RequestListener = (request, response) =>
  recording(seen, (_seen, answer) => json(answer, 200, request.method === "GET" ? { app: APP } : RESULT))(
    request,
    response,
  );

const read = (endpoints: string[], timeoutMs = 600) =>
  createMarathonClient({ endpoints }).apps.get("/db/orders", { timeoutMs });
const write = (endpoints: string[], timeoutMs = 600) =>
  createMarathonClient({ endpoints }).apps.scale("/db/orders", 0, { timeoutMs });

/** Servers that fail in ways that differ in what may be concluded. */
const silent = (url: Loopback) => url.raw((socket) => socket.resume());
const dying = (url: Loopback) =>
  url.raw((socket) => {
    socket.once("data", () => socket.end(rawAnswer(200, JSON.stringify(RESULT)).slice(0, -5)));
  });
const resetting = (url: Loopback) => url.raw((socket) => socket.once("data", () => socket.resetAndDestroy()));
const babbling = (url: Loopback) => url.raw((socket) => socket.once("data", () => socket.end("SSH-2.0-OpenSSH\r\n")));
const chunkDying = (url: Loopback) =>
  url.raw((socket) => {
    socket.once("data", () => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"app\r\n'));
  });

const BROKEN = { silent, dying, resetting, babbling, chunkDying };

describe.each(Object.entries(BROKEN))("with a %s server", (_, start) => {
  test("a read says that there was no answer and no effect, within its bound", async () => {
    const before = performance.now();
    const url = await start(loopback);
    await expect(read([url])).rejects.toMatchObject({ code: "API_UNREACHABLE", retryable: true });
    expect(performance.now() - before).toBeLessThan(1_500);
  });

  test("a read is answered by another instance", async () => {
    await expect(read([await start(loopback), await loopback.http(ok)], 2_000)).resolves.toMatchObject({ id: APP.id });
  });

  test("a write has an unknown outcome, and is not sent to another instance", async () => {
    const before = performance.now();
    const other = await loopback.http(ok);
    await expect(write([await start(loopback), other])).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
    expect(seen).toEqual([]);
    expect(performance.now() - before).toBeLessThan(1_500);
  });
});

test("a write to an address where nobody listens had no effect, and goes to the next instance", async () => {
  const nobody = await loopback.nobody();
  await expect(write([nobody])).rejects.toMatchObject({ code: "API_UNREACHABLE", retryable: true });
  await expect(write([nobody, await loopback.http(ok)])).resolves.toMatchObject(RESULT);
  expect(seen).toHaveLength(1);
});

test("the error of an unreachable Marathon names each address and what it did", async () => {
  const [nobody, mute] = [await loopback.nobody(), await silent(loopback)];
  const error = await read([nobody, mute]).catch((failure: Error) => failure);
  expect(String(error)).toContain(`${nobody}: connect ECONNREFUSED`);
  expect(String(error)).toContain(`${mute}: no complete answer within`);
});

test("the instance that answered is asked first the next time", async () => {
  const accepted: number[] = [];
  const first = await loopback.raw((socket) => {
    accepted.push(1);
    socket.destroy();
  });
  const marathon = createMarathonClient({ endpoints: [first, await loopback.http(ok)] });
  for (let n = 0; n < 3; n += 1) await marathon.apps.get("/db/orders");
  expect(accepted).toHaveLength(1);
});

test.each([502, 503])("a read that gets %d is asked of another instance; a write is not", async (status) => {
  const standby = await loopback.http((_request, response) => response.writeHead(status).end("no leader"));
  await expect(read([standby, await loopback.http(ok)])).resolves.toMatchObject({ id: APP.id });
  await expect(read([standby])).rejects.toMatchObject({ code: "API_UNREACHABLE" });
  seen = [];
  await expect(write([standby, await loopback.http(ok)])).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect(seen).toEqual([]);
});

test("aborting a read rejects with the reason; aborting a write that was sent tells that its outcome is unknown", async () => {
  const marathon = createMarathonClient({ endpoints: [await silent(loopback)] });
  const reason = new Error("shutting down");
  const abort = new AbortController();
  const calls = [marathon.apps.get("/db/orders", abort), marathon.apps.scale("/db/orders", 0, abort)];
  const settled = Promise.allSettled(calls);
  await sleep(100);
  abort.abort(reason);
  expect(await settled).toMatchObject([
    { status: "rejected", reason },
    { status: "rejected", reason: { code: "UNKNOWN_OUTCOME", cause: reason } },
  ]);
  await expect(marathon.apps.scale("/db/orders", 0, abort)).rejects.toBe(reason);
});

test("an answer that is too large is not read to its end", async () => {
  let sent = 0;
  const endless = await loopback.http((_request, response) => {
    const more = () => {
      sent += 1;
      if (!response.destroyed) response.write(Buffer.alloc(1024 * 1024), () => setImmediate(more));
    };
    more();
  });
  await expect(read([endless], 10_000)).rejects.toMatchObject({ code: "API_UNREACHABLE" });
  expect(sent).toBeLessThan(200);
});

test("a body that comes byte by byte, cut inside a character, is read", async () => {
  const body = Buffer.from(rawAnswer(200, JSON.stringify({ app: { ...APP, cmd: "größe 🐘" } })));
  const slow = await loopback.raw((socket) => {
    socket.setNoDelay(true);
    socket.once("data", async () => {
      for (const byte of body) {
        socket.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
    });
  });
  await expect(read([slow], 5_000)).resolves.toMatchObject({ cmd: "größe 🐘" });
});

test("a write that is redirected with 302 is not turned into a GET", async () => {
  const target = await loopback.http(ok);
  const url = await loopback.http((_request, response) => response.writeHead(302, { location: `${target}/x` }).end());
  await expect(write([url])).rejects.toMatchObject({ code: "API_UNREADABLE" });
  expect(seen).toEqual([]);
});

test("redirects that lead in a circle end", async () => {
  const url: string = await loopback.http((_request, response) => response.writeHead(302, { location: url }).end());
  await expect(read([url])).rejects.toThrow("more than 3 redirects");
});

describe("credentials", () => {
  test("basic and tokens are read from their file for each request", async () => {
    const url = await loopback.http(ok);
    const file = loopback.file("secret", "ops:päss:word\n");
    const basic = createMarathonClient({ endpoints: [url], credentials: { type: "basic", secret: { file } } });
    await basic.apps.get("/db/orders");
    loopback.file("secret", "ops:rotated");
    await basic.apps.get("/db/orders");
    loopback.file("secret", "a.jwt.token\n");
    for (const style of ["dcos", "bearer"] as const) {
      const credentials = { type: "token", secret: { file }, style } as const;
      await createMarathonClient({ endpoints: [url], credentials }).apps.get("/db/orders");
    }
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from("ops:päss:word").toString("base64")}`,
      `Basic ${Buffer.from("ops:rotated").toString("base64")}`,
      "token=a.jwt.token",
      "Bearer a.jwt.token",
    ]);
  });

  test.each([
    ["basic without a colon", "basic", "hunter2"],
    ["a token with a line break", "token", "hunter2\nX-Evil: 1"],
  ] as const)("%s is refused, not sent and not shown", async (_, type, secret) => {
    const file = loopback.file("secret", secret);
    const credentials =
      type === "basic" ? { type, secret: { file } } : { type, secret: { file }, style: "dcos" as const };
    const marathon = createMarathonClient({ endpoints: [await loopback.http(ok)], credentials });
    const error = await marathon.apps.get("/db/orders").catch((failure: Error) => failure);
    expect(error).toMatchObject({ code: "INVALID_SPEC" });
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain("hunter2");
    expect(seen).toEqual([]);
  });

  test("a missing file is an error before anything is sent", async () => {
    const credentials = { type: "basic", secret: { file: "/nowhere/secret" } } as const;
    const marathon = createMarathonClient({ endpoints: [await loopback.http(ok)], credentials });
    await expect(marathon.apps.get("/db/orders")).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(seen).toEqual([]);
  });

  test("follow a redirect to a configured instance, and no other", async () => {
    const leader = await loopback.http(ok);
    const standby = await loopback.http((request, response) =>
      response.writeHead(307, { location: `${leader}${request.url}` }).end(),
    );
    const credentials = { type: "basic", secret: { file: loopback.file("secret", "ops:secret") } } as const;
    await createMarathonClient({ endpoints: [standby, leader], credentials }).apps.scale("/db/orders", 0);
    expect(seen[0]).toMatchObject({
      method: "PATCH",
      body: { instances: 0 },
      headers: { authorization: expect.any(String) },
    });
    seen = [];
    const lost = createMarathonClient({ endpoints: [standby], credentials }).apps.scale("/db/orders", 0);
    await expect(lost).rejects.toMatchObject({ code: "DENIED" });
    expect(seen).toEqual([]);
  });
});

test("what is written is what was meant, in full", async () => {
  const url = await loopback.http(ok);
  await createMarathonClient({ endpoints: [`${url}/service/marathon/`] }).apps.replace("/db/orders", DEFINITION);
  expect(seen[0]).toMatchObject({ path: "/service/marathon/v2/apps/db/orders", body: DEFINITION });
});

import type { RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createLoopback, createTestAuthority, type Loopback, type TestAuthority } from "@holdfast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMarathonClient } from "../src/client.js";
import { APP, json, RESULT, recording, type SeenRequest } from "../src/marathon.fixture.js";

// Not among the unit tests: certificates are made with the openssl program.
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

let authority: TestAuthority;
beforeEach(async () => {
  authority = await createTestAuthority();
});
afterEach(() => authority.dispose());

const issue = (extra = {}) =>
  authority.issue({ commonName: "m1", names: ["IP:127.0.0.1"], usage: "serverAuth", ...extra });

test("TLS with an own authority works", async () => {
  const endpoints = [await loopback.https(ok, await issue())];
  const tls = { caFile: authority.caFile };
  await expect(createMarathonClient({ endpoints, tls }).apps.get("/db/orders")).resolves.toMatchObject({
    id: APP.id,
  });
});

test.each([
  ["signed by somebody else", {}, false],
  ["over", { expired: true }, true],
  ["for another name", { names: ["DNS:elsewhere"] }, true],
])(
  "a certificate that is %s is refused, and the server sees neither request nor credentials",
  async (_, extra, trusted) => {
    const endpoints = [await loopback.https(ok, await issue(extra))];
    const credentials = { type: "basic", secret: { file: loopback.file("secret", "ops:secret") } } as const;
    const tls = trusted ? { caFile: authority.caFile } : {};
    const failed = createMarathonClient({ endpoints, credentials, tls }).apps.scale("/db/orders", 0);
    await expect(failed).rejects.toMatchObject({ code: "DENIED" });
    await sleep(50);
    expect(seen).toEqual([]);
  },
);

test("an authority that cannot be read is an error that names the file", async () => {
  const endpoints = [await loopback.https(ok, await issue())];
  const failed = createMarathonClient({ endpoints, tls: { caFile: "/nowhere/ca.pem" } }).apps.get("/db/orders");
  await expect(failed).rejects.toMatchObject({
    code: "INVALID_SPEC",
    message: expect.stringContaining("/nowhere/ca.pem"),
  });
});

test("a redirect from TLS to plain text is not followed", async () => {
  const plain = await loopback.http(ok);
  const redirect: RequestListener = (_request, response) => response.writeHead(302, { location: `${plain}/x` }).end();
  const endpoints = [await loopback.https(redirect, await issue())];
  const failed = createMarathonClient({ endpoints, tls: { caFile: authority.caFile } }).apps.get("/db/orders");
  await expect(failed).rejects.toMatchObject({ code: "DENIED" });
  expect(seen).toEqual([]);
});

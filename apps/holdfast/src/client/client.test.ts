import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as z from "zod";
import { ControllerClient } from "./client.js";
import { parseDuration } from "./duration.js";
import { explainLines, historyTable, statusTable, table } from "./lines.js";

let server: Server;
let url: string;
let directory: string;
let answer: (response: ServerResponse) => void;
let heard: string | undefined;
const anything = z.looseObject({});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-client-"));
  server = createServer((request, response) => {
    heard = request.headers.authorization;
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

const json = (status: number, body: unknown) => (response: ServerResponse) =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

test("the token comes from a file and goes into the header alone", async () => {
  const tokenFile = join(directory, "token");
  await writeFile(tokenFile, "hf_secret\n");
  answer = json(200, { ok: 1 });
  const client = await ControllerClient.open({ controller: `${url}/`, tokenFile });
  expect(await client.get("/x", anything)).toEqual({ ok: 1 });
  expect(heard).toBe("Bearer hf_secret");
  await writeFile(tokenFile, "two words");
  await expect(ControllerClient.open({ controller: url, tokenFile })).rejects.toMatchObject({
    code: "BAD_CONFIGURATION",
    message: expect.not.stringContaining("words"),
  });
});

test("a refusal keeps its code, message and hint", async () => {
  const error = { code: "VERSION_CONFLICT", message: "It moved.", hint: "Plan again.", retryable: true, detail: {} };
  answer = json(409, { error });
  const client = await ControllerClient.open({ controller: url });
  await expect(client.put("/x", {}, anything)).rejects.toMatchObject(error);
});

test("what is not a controller is named as such: HTML, another form, a redirect", async () => {
  const client = await ControllerClient.open({ controller: url });
  answer = (response) => void response.writeHead(401, { "content-type": "text/html" }).end("<html>login</html>");
  await expect(client.get("/x", anything)).rejects.toMatchObject({ code: "INCOMPATIBLE" });
  answer = json(200, { ok: 1 });
  await expect(client.get("/x", z.object({ services: z.array(z.string()) }))).rejects.toMatchObject({
    code: "INCOMPATIBLE",
  });
  // A token must not follow to another server.
  answer = (response) => void response.writeHead(302, { location: "https://elsewhere.example/" }).end();
  await expect(client.get("/x", anything)).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
});

test("without an answer, a look had no effect and a change may have had one", async () => {
  answer = (response) => void response.destroy();
  const client = await ControllerClient.open({ controller: url });
  await expect(client.get("/x", anything)).rejects.toMatchObject({ code: "STORE_UNREACHABLE", retryable: true });
  await expect(client.post("/x", {}, anything)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME", retryable: true });
});

test("an address that is none is refused", async () => {
  for (const controller of ["localhost:8740", "ftp://x", "nonsense"]) {
    await expect(ControllerClient.open({ controller })).rejects.toMatchObject({ code: "USAGE" });
  }
});

test("durations have a unit", () => {
  expect(["90s", "30m", "2h", "1d"].map(parseDuration)).toEqual([90_000, 1_800_000, 7_200_000, 86_400_000]);
  for (const wrong of ["", "5", "0s", "1w", "-1h", "1.5h", "1h30m"]) {
    expect(() => parseDuration(wrong)).toThrow(expect.objectContaining({ code: "USAGE" }));
  }
});

const status = {
  ...{ service: "orders-db", generation: 1, state: "waiting", code: "PAUSED", why: "paused by ops", pause: null },
  holder: { epoch: "7", agent: "a", state: "held", since: "x" },
  tasks: [
    { id: "1", agent: "a", state: "running" },
    { id: "0", agent: "b", state: "failed" },
  ],
  operation: null,
};

test("tables align, and say what is lost to a person in few words", () => {
  expect(table(["A", "LONG"], [["wide cell", "x"]])).toEqual(["A          LONG", "wide cell  x"]);
  expect(statusTable([status])).toEqual([
    "SERVICE    STATE   HOLDER  EPOCH  TASKS      WHY",
    "orders-db  PAUSED  a       7      a running  paused by ops",
  ]);
  expect(statusTable([{ ...status, code: null, holder: null, tasks: [] }])[1]).toBe(
    "orders-db  waiting  -       -      -      paused by ops",
  );
  expect(statusTable([])).toHaveLength(1);
});

const failure = { code: "BUSY", message: "locked", hint: "Wait." };
const past = {
  ...{ id: "o", kind: "reconcile", by: "controller", reason: "differs", at: "2026-01-02", endedAt: "2026-01-02" },
  ...{ automatic: true, state: "failed", failure },
};

test("an explanation ends with what to do", () => {
  const explained = {
    ...{ ...status, because: ["paused by ops"], actions: ["holdfast resume"], volumes: [], grade: null, budget: null },
    ...{ candidates: [{ agent: "b", since: "x" }], past: [past] },
  };
  expect(explainLines(explained)).toEqual([
    ...["orders-db: PAUSED", "  paused by ops", "waiting 0: b since x"],
    ...["last: 2026-01-02 reconcile failed, by controller: BUSY: locked", "next: holdfast resume"],
  ]);
  expect(explainLines({ ...explained, actions: [] }).at(-1)).toBe("next: nothing needs doing");
});

test("history has runs and operations in one list, newest first", () => {
  const runs = [
    { at: "2026-01-03", kind: "started", epoch: "8", agent: "a" },
    { at: "2026-01-01", kind: "lost", epoch: "7", agent: "b", note: "not renewed" },
  ];
  const what = historyTable({ runs, operations: [past] }).slice(1);
  expect(what.map((line) => line.split(/ {2,}/)[1])).toEqual(["started", "reconcile failed", "lost"]);
  expect(historyTable({ runs: [], operations: [] })).toEqual(["Nothing has happened yet."]);
});

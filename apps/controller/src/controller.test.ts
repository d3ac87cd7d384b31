import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LEASE_TIMING, decisionsRecordFormat, storePaths } from "@holdfast/core";
import { monotonicMs, systemClock } from "@holdfast/effects";
import { afterEach, expect, test } from "vitest";
import { addToken } from "./auth/tokens.js";
import { type Controller, type ControllerOptions, startController } from "./controller.js";
import { ControllerRig, makeService, SERVICE } from "./controller-rig.fixture.js";

/** Whole controllers, with real HTTP and real time, on a store and an orchestrator in memory. */
const timing = {
  ...DEFAULT_LEASE_TIMING,
  leaseMs: 2_000,
  renewMs: 100,
  stopBudgetMs: 100,
  marginMs: 300,
  guardMs: 100,
};
const running: { stop: AbortController; ended: Promise<void> }[] = [];

afterEach(async () => {
  for (const { stop } of running) stop.abort();
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});

async function start(
  rig: ControllerRig,
  name: string,
  overrides: Partial<ControllerOptions> = {},
): Promise<Controller> {
  const stop = new AbortController();
  const controller = await startController({
    ...{ context: { ...rig.context(name), clock: systemClock }, host: "127.0.0.1", port: 0, tokensFile: null },
    ...{ tls: null, advertise: null, version: "1.2.3", timing, roundMs: 200, signal: stop.signal },
    ...overrides,
  });
  running.push({ stop, ended: controller.ended });
  return controller;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const beganMs = monotonicMs();
  while (!(await isSo())) {
    if (monotonicMs() - beganMs > 8_000) throw new Error(`not so within 8 s: ${what}`);
    await systemClock.sleep(20);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the API's own tests check the form of answers
const json = async (url: string, init?: RequestInit): Promise<any> => (await fetch(url, init)).json();
const post = (body: unknown, method = "POST") => ({
  ...{ method, body: JSON.stringify(body), headers: { "content-type": "application/json" } },
});

test("one of two leads; what is asked of either is done once; the other goes on when it ends", async () => {
  const rig = new ControllerRig();
  const first = await start(rig, "first");
  await until("it leads", async () => (await json(`${first.url}/v1/controller`)).leads);
  const second = await start(rig, "second");
  const service = `${second.url}/v1/services/${SERVICE}`;
  const { hash } = await json(`${service}/plan`, post({ service: makeService() }));
  await json(service, post({ service: makeService(), planHash: hash }, "PUT"));
  await until("it is applied", () => rig.effects.length > 0);
  expect((await json(`${second.url}/v1/controller`)).leads).toBe(false);
  await until("it is settled", async () => (await json(service)).state === "settled");
  running[0]?.stop.abort();
  await running[0]?.ended;
  await until("the other leads", async () => (await json(`${second.url}/v1/controller`)).leads);
  expect((await json(`${second.url}/v1/controller`)).leader).toMatchObject({ by: "second", url: second.url });
  expect(rig.effects).toEqual(["apply 256"]);
});

test("events are streamed, beginning with a resync", async () => {
  const rig = new ControllerRig();
  const { url } = await start(rig, "only");
  await until("it leads", async () => (await json(`${url}/v1/controller`)).leads);
  const response = await fetch(`${url}/v1/events`);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  await rig.catalogue(makeService());
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (/"state":"done"/.test(text)) break;
  }
  expect(text.startsWith("event: resync\n")).toBe(true);
  expect(text).toContain("event: step\n");
});

test("a difference is corrected so often and no more, and an acknowledgement lets it go on", async () => {
  const rig = new ControllerRig();
  await rig.catalogue(makeService());
  const { url } = await start(rig, "only");
  const somebody = { signal: new AbortController().signal } as never;
  const compiled = { definition: { id: SERVICE, instances: 3 }, reasons: {}, warnings: [] };
  const status = () => json(`${url}/v1/services/${SERVICE}`);
  for (let times = 1; times <= 4; times++) {
    await until(`applied ${times} times`, () => rig.effects.length === times);
    await until("settled", async () => (await status()).state === "settled");
    await rig.orchestrator.apply(somebody, compiled);
  }
  await until("it waits", async () => (await status()).code === "FLAPPING");
  await systemClock.sleep(500);
  expect(rig.effects).toHaveLength(4);
  await json(`${url}/v1/services/${SERVICE}/acknowledge`, post({ note: "found him" }));
  await until("it goes on", () => rig.effects.length === 5);
});

test("one that finds a later leader in a journal makes room, and is a candidate again", async () => {
  const rig = new ControllerRig();
  const { url, ended } = await start(rig, "only");
  await until("it leads", async () => (await json(`${url}/v1/controller`)).leads);
  const epoch = BigInt((await json(`${url}/v1/controller`)).leader.epoch);
  const later = { v: 1 as const, service: SERVICE, leader: epoch + 1n, current: null, applied: null, past: [] };
  await rig.write(storePaths.decisions(SERVICE), decisionsRecordFormat.serialize({ ...later, acknowledged: null }));
  await rig.catalogue(makeService());
  await until("it leads under a later epoch, and acts", () => rig.effects.length === 1);
  expect(BigInt((await json(`${url}/v1/controller`)).leader.epoch)).toBeGreaterThan(epoch);
  expect(await Promise.race([ended.then(() => "ended"), Promise.resolve("goes on")])).toBe("goes on");
});

test("does not listen to others without tokens, and answers nobody's browser", async () => {
  const rig = new ControllerRig();
  await expect(start(rig, "open", { host: "0.0.0.0" })).rejects.toMatchObject({ code: "BAD_CONFIGURATION" });
  const directory = await mkdtemp(join(tmpdir(), "holdfast-controller-"));
  try {
    const tokensFile = join(directory, "tokens.json");
    await addToken(tokensFile, { name: "a", role: "view" }, systemClock.wallTime());
    await start(rig, "closed", { host: "0.0.0.0", tokensFile });
  } finally {
    await rm(directory, { recursive: true });
  }
  const { url } = await start(rig, "local");
  const foreign = await fetch(`${url}/v1/controller`, { headers: { origin: "https://evil.example" } });
  expect(foreign.status).toBe(403);
  await expect(start(rig, "again", { port: Number(new URL(url).port) })).rejects.toMatchObject({
    code: "BAD_CONFIGURATION",
  });
});

test("a store that is away is waited for, and what was asked meanwhile is not lost", async () => {
  const rig = new ControllerRig();
  const { url } = await start(rig, "only");
  await until("it leads", async () => (await json(`${url}/v1/controller`)).leads);
  rig.server.inject({ op: "list", times: 5 }, { kind: "refused", code: "STORE_UNREACHABLE" });
  await rig.catalogue(makeService());
  await until("it is applied", () => rig.effects.length === 1);
  const store = rig.server.connect();
  expect(await store.get(storePaths.decisions(SERVICE), { timeoutMs: 1_000 })).toBeDefined();
});

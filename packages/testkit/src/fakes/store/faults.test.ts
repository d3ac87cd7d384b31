import { expect, test } from "vitest";
import { createFakeStoreServer } from "./server.js";

const CALL = { timeoutMs: 1_000 };
const PATH = "services/x/lease";
const bytes = (text: string) => new TextEncoder().encode(text);

async function start() {
  const server = createFakeStoreServer();
  const store = server.connect("a");
  const version = await store.create(PATH, bytes("0"), CALL);
  const read = async () => new TextDecoder().decode((await server.connect().get(PATH, CALL))?.data);
  return { server, store, version, read };
}

test("a lost request leaves its sender in doubt, and the record as it was", async () => {
  const { server, store, version, read } = await start();
  const fault = server.inject({ op: "put", client: "a" }, { kind: "lost-request" });
  await expect(store.put(PATH, bytes("1"), version, CALL)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect([await read(), fault.hits]).toEqual(["0", 1]);
  await store.put(PATH, bytes("2"), version, CALL);
});

test("a lost reply leaves its sender in the same doubt, and the record changed", async () => {
  const { server, store, version, read } = await start();
  server.inject({ op: "put" }, { kind: "lost-reply" });
  await expect(store.put(PATH, bytes("1"), version, CALL)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect(await read()).toBe("1");
});

test("a late write arrives when the test says so, if its version still matches then", async () => {
  const { server, store, version, read } = await start();
  const fault = server.inject({ op: "put", times: 2 }, { kind: "late" });
  for (const value of ["first", "second"]) {
    await expect(store.put(PATH, bytes(value), version, CALL)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  }
  expect(await read()).toBe("0");
  expect(fault.applyLate()).toEqual([true, false]);
  expect(await read()).toBe("first");
  expect(fault.applyLate()).toEqual([]);
});

test("a stale read shows an older state, once", async () => {
  const { server, store, version } = await start();
  await store.put(PATH, bytes("1"), version, CALL);
  server.inject({ op: "get" }, { kind: "stale-read", versionsBehind: 1 });
  expect((await store.get(PATH, CALL))?.version).toEqual(version);
  expect((await store.get(PATH, CALL))?.version.number).toBe(1);
  server.inject({ op: "get" }, { kind: "stale-read", versionsBehind: 9 });
  expect(await store.get(PATH, CALL)).toBeUndefined();
});

test("a lagging client reads the past until it changes server, and its writes meet the present", async () => {
  const { server, store, version } = await start();
  server.lag("a");
  await server.connect().put(PATH, bytes("1"), version, CALL);
  await server.connect().create("services/x/history", bytes("h"), CALL);
  expect((await store.get(PATH, CALL))?.version).toEqual(version);
  expect(await store.get("services/x/history", CALL)).toBeUndefined();
  await expect(store.put(PATH, bytes("2"), version, CALL)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  store.changeServer("its reads contradict its writes");
  expect((await store.get(PATH, CALL))?.version.number).toBe(1);
  expect(store.serverChanges).toEqual(["its reads contradict its writes"]);
});

test("faults hit their target and nothing else", async () => {
  const { server, store, version } = await start();
  const fault = server.inject(
    { op: "put", path: "services/y/lease", client: "b" },
    { kind: "refused", code: "DENIED" },
  );
  await store.put(PATH, bytes("1"), version, CALL);
  const b = server.connect("b");
  const other = await b.create("services/y/lease", bytes("0"), CALL);
  await expect(b.put("services/y/lease", bytes("1"), other, CALL)).rejects.toMatchObject({ code: "DENIED" });
  await b.put("services/y/lease", bytes("1"), other, CALL);
  expect(fault.hits).toBe(1);
});

test("a killed client takes its ephemerals and its place in queues along", async () => {
  const { server, store } = await start();
  const b = server.connect("b");
  await b.create("services/x/holder", bytes("b"), { ...CALL, ephemeral: true });
  await b.enqueue("services/x/queue", { run: "r", agent: "a", since: "" }, CALL);
  server.kill("b");
  expect(await store.get("services/x/holder", CALL)).toBeUndefined();
  expect(await store.candidates("services/x/queue", CALL)).toEqual([]);
  await expect(b.get(PATH, CALL)).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
});

test("a removed record and a lost store leave nothing to write to", async () => {
  const { server, store, version } = await start();
  server.removeRecord(PATH);
  await expect(store.put(PATH, bytes("1"), version, CALL)).rejects.toMatchObject({ code: "RECORD_MISSING" });
  await store.create(PATH, bytes("again"), CALL);
  server.loseData();
  expect(await store.list("services", CALL)).toEqual([]);
});

import type { CoordinationStore, StoreVersion } from "@holdfast/core";
import { type EnsembleServer, startZooKeeperEnsemble, type ZooKeeperEnsemble } from "@holdfast/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { bytes, CALL, eventually, freshPath, outcome, Scene, SILENCE_MS, text, timed } from "./zookeeper/scene.js";

/* Three servers, each in a network of its own. The client is the test's process, which reaches all of them. */

const SESSION_MS = 8_000;
/** An election, or joining again, on a busy machine. */
const ELECTION = { timeoutMs: 30_000 };
const SLACK_MS = 2_000;

let ensemble: ZooKeeperEnsemble;
let scene: Scene;

beforeAll(async () => {
  ensemble = await startZooKeeperEnsemble();
});
afterAll(() => ensemble.dispose());
beforeEach(() => {
  scene = new Scene(ensemble.servers[0] as EnsembleServer);
});
afterEach(async () => {
  for (const server of ensemble.servers) {
    server.resume();
    await server.machine.heal();
  }
  await ensemble.healLinks();
  await scene.end();
  await ensemble.whenComplete();
});

/** A client that is on that server. */
async function clientOn(first: EnsembleServer): Promise<CoordinationStore> {
  const others = ensemble.servers.filter((server) => server !== first);
  const store = await scene.open([first, ...others], { sessionTimeoutMs: SESSION_MS });
  expect(store.health().endpoint).toBe(`${first.host}:${first.port}`);
  return store;
}

async function aFollower(): Promise<EnsembleServer> {
  const [follower] = await ensemble.followers();
  if (follower === undefined) throw new Error("no follower");
  return follower;
}

/** An ephemeral record shows whether the session is still the same: it goes with it. */
async function marked(store: CoordinationStore): Promise<{ readonly path: string; readonly version: StoreVersion }> {
  const path = freshPath("holder");
  return { path, version: await store.create(path, bytes("me"), { ...CALL, ephemeral: true }) };
}

test.each([
  ["a follower", aFollower],
  ["the leader", () => ensemble.leader()],
] as const)("%s hangs: its client goes on with another server, in the same session", async (_name, which) => {
  const server = await which();
  const store = await clientOn(server);
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  const mark = await marked(store);
  let calls = 0;
  const watching = new AbortController();
  scene.defer(() => watching.abort());
  store.watch(path, () => (calls += 1), watching.signal);
  await eventually("the watch to be armed", () => calls === 1);

  await server.pause();
  const { value, ms } = await timed(() => outcome(store.get(path, ELECTION)));
  expect(value).toBe("done");
  if (_name === "a follower") expect(ms).toBeLessThan(SILENCE_MS + SLACK_MS);
  expect(store.health().endpoint).not.toBe(`${server.host}:${server.port}`);
  expect((await store.get(mark.path, CALL))?.version).toEqual(mark.version);
  expect(await outcome(store.put(path, bytes("2"), version, ELECTION))).toBe("done");
  await eventually("the watch", () => calls > 1);
});

test.each([
  ["a follower", aFollower],
  ["the leader", () => ensemble.leader()],
] as const)("%s is cut off the network: its client goes on with another server", async (_name, which) => {
  const server = await which();
  const store = await clientOn(server);
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  const mark = await marked(store);
  await server.machine.cut();
  expect(server.machine.state()).toBe("cut");
  expect(await outcome(store.get(path, ELECTION))).toBe("done");
  expect((await store.get(mark.path, CALL))?.version).toEqual(mark.version);
  expect(await outcome(store.put(path, bytes("2"), version, ELECTION))).toBe("done");
});

test("a follower cut off from its leader answers reads and no writes: the write's silence is what makes the client leave", async () => {
  const [leader, follower] = [await ensemble.leader(), await aFollower()];
  const store = await clientOn(follower);
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  await ensemble.cutLink(leader, follower);
  expect(await outcome(store.get(path, CALL))).toBe("done");
  const { value, ms } = await timed(() => outcome(store.put(path, bytes("2"), version, CALL)));
  expect(value).toBe("UNKNOWN_OUTCOME");
  expect(ms).toBeLessThan(SILENCE_MS + SLACK_MS);
  const entry = await store.get(path, CALL);
  expect(store.health().endpoint).not.toBe(`${follower.host}:${follower.port}`);
  expect(text(entry?.data)).toBe("1");
  expect(await outcome(store.put(path, bytes("3"), version, CALL))).toBe("done");
  expect(await follower.machine.dropped()).toBeGreaterThan(0);
});

test("a client of a minority writes nothing, and knows that it does not know", async () => {
  const follower = await aFollower();
  const others = ensemble.servers.filter((server) => server !== follower);
  const store = await scene.open([follower], { sessionTimeoutMs: SESSION_MS });
  const observer = await scene.open(others, { sessionTimeoutMs: SESSION_MS });
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  for (const other of others) await ensemble.cutLink(follower, other);
  const code = await outcome(store.put(path, bytes("minority"), version, { timeoutMs: 4 * SILENCE_MS }));
  expect(["UNKNOWN_OUTCOME", "STORE_UNREACHABLE"]).toContain(code);
  await eventually("the minority to stop serving", async () => (await follower.mode()) === undefined);
  expect(await outcome(store.put(path, bytes("minority"), version, { timeoutMs: SILENCE_MS }))).toBe(
    "STORE_UNREACHABLE",
  );
  expect(await outcome(observer.put(path, bytes("majority"), version, CALL))).toBe("done");
  await ensemble.healLinks();
  const entry = await store.get(path, ELECTION);
  expect(text(entry?.data)).toBe("majority");
});

test("without a quorum nothing is written; with it again the client goes on by itself", async () => {
  const leader = await ensemble.leader();
  const store = await clientOn(leader);
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  const followers = await ensemble.followers();
  for (const follower of followers) await follower.kill();
  const code = await outcome(store.put(path, bytes("alone"), version, { timeoutMs: 4 * SILENCE_MS }));
  expect(["UNKNOWN_OUTCOME", "STORE_UNREACHABLE"]).toContain(code);
  for (const follower of followers) follower.launch();
  await ensemble.whenComplete();
  const entry = await store.get(path, ELECTION);
  // The leader had it in its log when it lost its followers: it may or may not be carried out by the next one.
  expect(["1", "alone"]).toContain(text(entry?.data));
  expect(await outcome(store.put(path, bytes("together"), entry?.version ?? version, ELECTION))).toBe("done");
});

test("changeServer leaves a server that works, and keeps the session", async () => {
  const [first] = ensemble.servers;
  const store = await clientOn(first as EnsembleServer);
  const mark = await marked(store);
  const seen = new Set([store.health().endpoint]);
  for (let round = 0; round < 2; round += 1) {
    store.changeServer("its reads contradict its writes");
    expect(store.health().state).toBe("disconnected");
    expect((await store.get(mark.path, CALL))?.version).toEqual(mark.version);
    seen.add(store.health().endpoint);
  }
  expect(seen.size).toBe(3);
});

test("findings: an ensemble named in full is none, one server of it is", async () => {
  const store = await clientOn(await aFollower());
  const codes = (await store.findings(CALL)).map(({ code }) => code);
  expect(codes).not.toContain("SINGLE_SERVER");
  const alone = await scene.open([await aFollower()]);
  const finding = (await alone.findings(CALL)).find(({ code }) => code === "SINGLE_SERVER");
  expect(finding?.message).toContain("of an ensemble of 3");
});

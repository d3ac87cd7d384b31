import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { hasCode, type StoreVersion } from "@holdfast/core";
import { type FaultProxy, startZooKeeper, type ZooKeeperServer } from "@holdfast/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { bytes, CALL, eventually, freshPath, outcome, Scene, SILENCE_MS, text, timed } from "./zookeeper/scene.js";
import { outliveSession, rememberSession } from "./zookeeper/sessions.js";

/* One real server, and a proxy that loses what it is told to lose. */

const CANDIDATE = { run: "run-1", agent: "agent-1", since: "2026-01-01T00:00:00Z" };
/** Operations on the wire (jute, `OP_CODES`). */
const SET_DATA = 5;
const MULTI = 14;
/** What a busy machine may add. */
const SLACK_MS = 1_500;

let server: ZooKeeperServer;
let scene: Scene;

beforeAll(async () => {
  server = await startZooKeeper();
});
afterAll(() => server.dispose());
beforeEach(() => {
  scene = new Scene(server);
});
afterEach(async () => {
  server.resume();
  await scene.end();
});

/** Loses the next answer to that operation; tells whether there was one. */
function loseNextAnswer(proxy: FaultProxy, operation: number, fate: "reset" | { readonly cutAfterBytes: number }) {
  const lost = { requests: 0, answers: 0 };
  let awaited: number | undefined;
  proxy.setRules({
    request(frame) {
      if (frame.code === operation && lost.requests === 0) {
        lost.requests += 1;
        awaited = frame.xid;
      }
      return "pass";
    },
    reply(frame) {
      if (awaited === undefined || frame.xid !== awaited) return "pass";
      awaited = undefined;
      lost.answers += 1;
      return fate;
    },
  });
  return lost;
}

test("a server that hangs before the handshake costs one attempt when there is another one", async () => {
  const [hung, healthy] = [await scene.proxy(), await scene.proxy()];
  hung.hang();
  const store = scene.store([hung, healthy]);
  const { value, ms } = await timed(() => outcome(store.open(CALL)));
  expect(value).toBe("done");
  expect(ms).toBeGreaterThanOrEqual(SILENCE_MS - 10);
  expect(ms).toBeLessThan(SILENCE_MS + SLACK_MS);
});

test("a stopped server: opening fails at its timeout, and works when it goes on", async () => {
  await server.pause();
  const store = scene.store([server]);
  const { value, ms } = await timed(() => outcome(store.open({ timeoutMs: 1_000 })));
  expect(value).toBe("STORE_UNREACHABLE");
  expect(ms).toBeLessThan(1_000 + SLACK_MS);
  server.resume();
  await store.open(CALL);
  expect(await store.list("services", CALL)).toEqual([]);
});

test("a server that is stopped for a while: no call hangs, and the record tells what became of each write", async () => {
  const store = await scene.open([server]);
  const observer = await scene.open([server]);
  const path = freshPath();
  const before = await store.create(path, bytes("before"), CALL);
  await server.pause();
  const written = await timed(() => outcome(store.put(path, bytes("during"), before, { timeoutMs: 600 })));
  expect(["UNKNOWN_OUTCOME", "STORE_UNREACHABLE"]).toContain(written.value);
  expect(written.ms).toBeLessThan(600 + SLACK_MS);
  expect(await outcome(store.get(path, { timeoutMs: 600 }))).toBe("STORE_UNREACHABLE");
  server.resume();
  const decided = await outcome(observer.put(path, bytes("after"), before, CALL));
  const content = text((await observer.get(path, CALL))?.data);
  expect(content).toBe(decided === "done" ? "after" : "during");
  if (written.value === "STORE_UNREACHABLE") expect(decided).toBe("done");
  expect(await outcome(store.get(path, CALL))).toBe("done");
});

test.each([
  ["lost", "reset"],
  ["cut in its middle", { cutAfterBytes: 21 }],
] as const)("a write whose answer is %s has an unknown outcome, and the exact bytes prove it", async (_name, fate) => {
  const proxy = await scene.proxy();
  const store = await scene.open([proxy]);
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  const lost = loseNextAnswer(proxy, SET_DATA, fate);
  expect(await outcome(store.put(path, bytes("2"), version, CALL))).toBe("UNKNOWN_OUTCOME");
  expect(lost).toEqual({ requests: 1, answers: 1 });
  const { value: entry, ms } = await timed(() => store.get(path, CALL));
  expect(ms).toBeLessThan(SLACK_MS);
  expect(text(entry?.data)).toBe("2");
  expect(entry?.version).toEqual({ created: version.created, number: version.number + 1 });
});

test("a creation whose answer is lost has an unknown outcome and took effect", async () => {
  const proxy = await scene.proxy();
  const store = await scene.open([proxy]);
  const path = freshPath();
  await store.create(path.replace("lease", "other"), bytes("parents"), CALL);
  const lost = loseNextAnswer(proxy, MULTI, "reset");
  expect(await outcome(store.create(path, bytes("mine"), CALL))).toBe("UNKNOWN_OUTCOME");
  expect(lost.answers).toBe(1);
  expect(text((await store.get(path, CALL))?.data)).toBe("mine");
  expect(await outcome(store.create(path, bytes("again"), CALL))).toBe("RECORD_EXISTS");
});

test("a write that never arrives has an unknown outcome within the time of a silent server", async () => {
  const proxy = await scene.proxy();
  const store = await scene.open([proxy]);
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  let held = 0;
  proxy.setRules({ request: (frame) => (frame.code === SET_DATA && held++ === 0 ? "hold" : "pass") });
  const { value, ms } = await timed(() => outcome(store.put(path, bytes("2"), version, CALL)));
  expect([value, held]).toEqual(["UNKNOWN_OUTCOME", 1]);
  expect(ms).toBeLessThan(SILENCE_MS + SLACK_MS);
  expect(text((await store.get(path, CALL))?.data)).toBe("1");
  expect(await outcome(store.put(path, bytes("3"), version, CALL))).toBe("done");
});

test("a write that could not be sent certainly has no effect", async () => {
  const proxy = await scene.proxy();
  const [store, observer] = [await scene.open([proxy]), await scene.open([server])];
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  await proxy.refuse();
  proxy.resetAll();
  await eventually("the loss of the connection", () => store.health().state === "disconnected");
  expect(await outcome(store.put(path, bytes("2"), version, { timeoutMs: 300 }))).toBe("STORE_UNREACHABLE");
  await proxy.accept();
  await eventually("the connection", () => store.health().state === "connected");
  // A write of the same session: whatever had been waiting in the client would have been sent before it.
  await store.create(freshPath(), bytes("later"), CALL);
  expect((await observer.get(path, CALL))?.version).toEqual(version);
});

test("a reset leaves session, ephemeral records and watches intact", async () => {
  const proxy = await scene.proxy();
  const session = rememberSession(proxy);
  const [store, observer] = [await scene.open([proxy]), await scene.open([server])];
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  const hint = await store.create(freshPath("holder"), bytes("me"), { ...CALL, ephemeral: true });
  let calls = 0;
  const watching = new AbortController();
  scene.defer(() => watching.abort());
  store.watch(path, () => (calls += 1), watching.signal);
  await eventually("the watch to be armed", () => calls === 1);
  const before = session();
  proxy.resetAll();
  await eventually("the next connection", () => proxy.connections === 2 && store.health().state === "connected");
  expect(session()).toBe(before);
  expect(hint.number).toBe(1);
  await observer.put(path, bytes("2"), version, CALL);
  await eventually("the watch", () => calls === 2);
});

test("a change made while the client was away reaches its watch", async () => {
  const proxy = await scene.proxy();
  const [store, observer] = [await scene.open([proxy]), await scene.open([server])];
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  let calls = 0;
  const watching = new AbortController();
  scene.defer(() => watching.abort());
  store.watch(path, () => (calls += 1), watching.signal);
  await eventually("the watch to be armed", () => calls === 1);
  await proxy.refuse();
  proxy.resetAll();
  await observer.put(path, bytes("2"), version, CALL);
  await proxy.accept();
  await eventually("the watch", () => calls === 2);
});

test("a restarted server is ridden out: same session, same ephemeral record", async () => {
  const store = await scene.open([server], { sessionTimeoutMs: 10_000 });
  const path = freshPath("holder");
  const version = await store.create(path, bytes("me"), { ...CALL, ephemeral: true });
  await server.stop();
  expect(await outcome(store.get(path, { timeoutMs: 200 }))).toBe("STORE_UNREACHABLE");
  await server.start();
  expect((await store.get(path, CALL))?.version).toEqual(version);
  expect(await outcome(store.put(path, bytes("still me"), version, CALL))).toBe("done");
});

test("a server that lost its data is met with a new session after two session timeouts", async () => {
  const store = await scene.open([server], { sessionTimeoutMs: 1_000 });
  const path = freshPath();
  const version = await store.create(path, bytes("gone"), CALL);
  const ticket = await store.enqueue(freshPath("queue"), CANDIDATE, CALL);
  await server.kill();
  server.wipe();
  await server.start();
  expect(await store.get(path, CALL)).toBeUndefined();
  expect(await outcome(store.put(path, bytes("x"), version, CALL))).toBe("RECORD_MISSING");
  // The chroot went too: that is for an operator to notice, not for a client to repair.
  expect(await outcome(ticket.place(CALL))).toBe("RECORD_MISSING");
});

test("after an expired session the queue is entered again, watches go on, ephemeral records are gone", async () => {
  const proxy = await scene.proxy();
  const session = rememberSession(proxy);
  const [store, observer] = [await scene.open([proxy], { sessionTimeoutMs: 1_000 }), await scene.open([server])];
  const [path, holder, queue] = [freshPath(), freshPath("holder"), freshPath("queue")];
  let version: StoreVersion = await store.create(path, bytes("1"), CALL);
  await store.create(holder, bytes("me"), { ...CALL, ephemeral: true });
  const ticket = await store.enqueue(queue, CANDIDATE, CALL);
  const behind = await observer.enqueue(queue, { ...CANDIDATE, run: "run-2" }, CALL);
  expect([await ticket.place(CALL), await behind.place(CALL)]).toEqual([0, 1]);
  let calls = 0;
  const watching = new AbortController();
  scene.defer(() => watching.abort());
  store.watch(path, () => (calls += 1), watching.signal);
  await eventually("the watch to be armed", () => calls === 1);
  const before = session();
  await outliveSession(server, proxy, before);
  expect(await store.get(holder, CALL)).toBeUndefined();
  expect(session()).not.toBe(before);
  expect([await ticket.place(CALL), await behind.place(CALL)]).toEqual([1, 0]);
  expect(await observer.candidates(queue, CALL)).toHaveLength(2);
  const known = calls;
  version = await observer.put(path, bytes("2"), version, CALL);
  await eventually("the watch", () => calls > known);
});

test("a message that makes no sense costs the connection and nothing else", async () => {
  const proxy = await scene.proxy();
  const store = await scene.open([proxy]);
  const path = freshPath();
  await store.create(path, bytes("1"), CALL);
  let replaced = 0;
  const nonsense = Buffer.from([0, 0, 0, 20, ...Array.from({ length: 20 }, (_, index) => index * 13)]);
  proxy.setRules({ reply: () => (replaced++ === 0 ? { replace: nonsense } : "pass") });
  expect(text((await store.get(path, CALL))?.data)).toBe("1");
  expect([replaced > 0, proxy.connections]).toEqual([true, 2]);
});

test("an idle client leaves a server that went silent", async () => {
  const [first, second] = [await scene.proxy(), await scene.proxy()];
  const store = await scene.open([first, second], { sessionTimeoutMs: 1_500 });
  first.hang();
  await eventually("the other server", () => second.connections === 1 && store.health().state === "connected", 5_000);
  expect(store.health().endpoint).toBe(`127.0.0.1:${second.port}`);
});

test("a stall of this process is not taken for a silent server", async () => {
  const proxy = await scene.proxy();
  const store = await scene.open([proxy], { sessionTimeoutMs: 20_000 });
  const path = freshPath();
  await store.create(path, bytes("1"), CALL);
  const answer = store.get(path, CALL);
  // The request leaves with the next turn of the event loop; its answer waits in the kernel through the stall.
  await new Promise((resolve) => setImmediate(resolve));
  execFileSync("sleep", [String((2 * SILENCE_MS) / 1_000)]);
  expect(text((await answer)?.data)).toBe("1");
  expect(proxy.connections).toBe(1);
});

test("a closed store does not keep its process alive, whatever the client was waiting for", async () => {
  const proxy = await scene.proxy();
  proxy.hang();
  const dist = new URL("../dist/zookeeper/index.js", import.meta.url).href;
  const program = (port: number) => `
    import { createZooKeeperStore } from ${JSON.stringify(dist)};
    const servers = [{ host: "127.0.0.1", port: ${port} }];
    const store = createZooKeeperStore({ servers, silenceMs: 10_000, sessionTimeoutMs: 60_000 });
    await store.open({ timeoutMs: 300 }).catch((error) => process.stdout.write(error.code));
    await store.close();`;
  // One that refuses, where the client waits for its next attempt, and one that hangs, where it waits for an answer.
  for (const port of [1, proxy.port]) {
    const argv = ["--input-type=module", "--eval", program(port)];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 10_000 });
    expect(stdout).toBe("STORE_UNREACHABLE");
  }
});

test("closing a store whose server hangs is bounded, and so is every call that was waiting", async () => {
  const proxy = await scene.proxy();
  const store = await scene.open([proxy]);
  proxy.hang();
  const call = store.get(freshPath(), CALL).catch((error: unknown) => hasCode(error, "STORE_CLOSED"));
  const { ms } = await timed(() => store.close());
  expect(ms).toBeLessThan(1_000 + SLACK_MS);
  expect(await call).toBe(true);
});

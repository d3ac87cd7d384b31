import type { QueueTicket } from "@holdfast/core";
import { startZooKeeper, type ZooKeeperServer } from "@holdfast/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ask, CALL, eventually, freshPath, outcome, Scene, timed } from "./zookeeper/scene.js";

/* The queue of candidates: many of them, and answers that get lost. */

const CREATE = 1;
const candidate = (run: string) => ({ run, agent: "agent-1", since: "2026-01-01T00:00:00Z" });

let server: ZooKeeperServer;
let scene: Scene;

beforeAll(async () => {
  server = await startZooKeeper();
});
afterAll(() => server.dispose());
beforeEach(() => {
  scene = new Scene(server);
});
afterEach(() => scene.end());

test("200 candidates stand in line, and each departure wakes exactly one", async () => {
  const queue = freshPath("queue");
  const stores = await Promise.all(Array.from({ length: 20 }, () => scene.open([server])));
  const tickets: QueueTicket[] = [];
  for (let round = 0; round < 10; round += 1) {
    tickets.push(
      ...(await Promise.all(stores.map((store, index) => store.enqueue(queue, candidate(`${round}-${index}`), CALL)))),
    );
  }
  const places = await Promise.all(tickets.map((ticket) => ticket.place(CALL)));
  expect([...places].sort((a, b) => a - b)).toEqual(tickets.map((_, index) => index));
  const inLine = tickets.map((ticket, index) => ({ ticket, place: places[index] ?? 0 }));
  inLine.sort((a, b) => a.place - b.place);

  const woken: number[] = [];
  const watching = new AbortController();
  scene.defer(() => watching.abort());
  for (const { ticket, place } of inLine) ticket.onPredecessorGone(() => woken.push(place), watching.signal);
  // From the front, one after the other: a hand-over each time.
  for (let front = 0; front < 50; front += 1) {
    const { ms } = await timed(async () => {
      await inLine[front]?.ticket.leave(CALL);
      await eventually(`candidate ${front + 1} to be woken`, () => woken.length === front + 1);
    });
    expect(ms).toBeLessThan(2_000);
  }
  expect(woken).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(await inLine[50]?.ticket.place(CALL)).toBe(0);
  const [first] = stores;
  expect(await first?.candidates(queue, CALL)).toHaveLength(150);
});

test("one that left before it was watched is noticed", async () => {
  const queue = freshPath("queue");
  const [first, second] = [await scene.open([server]), await scene.open([server])];
  const ahead = await first.enqueue(queue, candidate("ahead"), CALL);
  const behind = await second.enqueue(queue, candidate("behind"), CALL);
  expect(await behind.place(CALL)).toBe(1);
  await ahead.leave(CALL);
  let woken = 0;
  const watching = new AbortController();
  scene.defer(() => watching.abort());
  behind.onPredecessorGone(() => (woken += 1), watching.signal);
  await eventually("the departure to be noticed", () => woken === 1);
});

test("an entry whose answer was lost is found again, and there is one of it", async () => {
  const proxy = await scene.proxy();
  const [store, observer] = [await scene.open([proxy]), await scene.open([server])];
  const queue = freshPath("queue");
  await (await observer.enqueue(queue, candidate("first"), CALL)).leave(CALL);
  for (let round = 0; round < 5; round += 1) {
    let created: number | undefined;
    let lost = 0;
    proxy.setRules({
      request(frame) {
        if (frame.code === CREATE && lost === 0) created = frame.xid;
        return "pass";
      },
      reply(frame) {
        if (created === undefined || frame.xid !== created) return "pass";
        created = undefined;
        lost += 1;
        return "reset";
      },
    });
    const ticket = await store.enqueue(queue, candidate("mine"), CALL);
    expect(lost).toBe(1);
    expect(await ticket.place(CALL)).toBe(0);
    expect(await observer.candidates(queue, CALL)).toEqual([candidate("mine")]);
    await ticket.leave(CALL);
    expect(await observer.candidates(queue, CALL)).toEqual([]);
  }
});

test("an entry that was given up is removed as soon as the store can be reached again", async () => {
  const proxy = await scene.proxy();
  const [store, observer] = [await scene.open([proxy], { sessionTimeoutMs: 30_000 }), await scene.open([server])];
  const queue = freshPath("queue");
  await (await observer.enqueue(queue, candidate("first"), CALL)).leave(CALL);
  // The request arrives, its answer does not, and nothing else gets through until later.
  proxy.setRules({ reply: (frame) => (frame.index === 0 ? "pass" : "hold") });
  expect(await outcome(store.enqueue(queue, candidate("mine"), { timeoutMs: 200 }))).toBe("UNKNOWN_OUTCOME");
  expect(await observer.candidates(queue, CALL)).toHaveLength(1);
  proxy.setRules({});
  await eventually("the entry to be removed", async () => (await observer.candidates(queue, CALL)).length === 0);
});

test("an entry that an operator deleted is made again", async () => {
  const store = await scene.open([server]);
  const raw = await scene.rawClient();
  const queue = freshPath("queue");
  const ticket = await store.enqueue(queue, candidate("mine"), CALL);
  const [name] = await store.list(queue, CALL);
  await ask((done) => raw.remove(`${scene.node(queue)}/${name}`, -1, (error) => done(error)));
  expect(await ticket.place(CALL)).toBe(0);
  expect(await store.candidates(queue, CALL)).toEqual([candidate("mine")]);
});

test("what others put into the queue's node is no candidate", async () => {
  const store = await scene.open([server]);
  const queue = freshPath("queue");
  const ticket = await store.enqueue(queue, candidate("mine"), CALL);
  await store.create(`${queue}/note`, new TextEncoder().encode("by hand"), CALL);
  await store.create(`${queue}/x-candidate-0000000009`, new TextEncoder().encode("no JSON"), CALL);
  const next = await store.enqueue(queue, candidate("next"), CALL);
  expect([await ticket.place(CALL), await next.place(CALL)]).toEqual([0, 1]);
  expect(await store.candidates(queue, CALL)).toEqual([
    candidate("mine"),
    candidate("next"),
    { run: "x-candidate-0000000009", agent: "unknown", since: "" },
  ]);
});

import type { QueueTicket, StoreVersion } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { expect, test } from "vitest";
import { bytes, CALL, codeOf, eventually, freshPath, type Suite } from "./suite.js";

const candidate = (run: string) => ({ run, agent: `agent-of-${run}`, since: "2024-01-01T00:00:00.000Z" });

/** Watches, ephemeral records and queues: what orders and wakes, and never decides. */
export function hintTests(suite: Suite): void {
  test("a watch calls back after each change that another client makes", async () => {
    const [watcher, writer] = [await suite.open(), await suite.open()];
    const path = freshPath();
    let calls = 0;
    watcher.watch(path, () => (calls += 1), suite.signal());
    const expectCall = async (change: () => Promise<unknown>) => {
      const before = calls;
      await change();
      await eventually(
        () => calls,
        (now) => now > before,
      );
    };
    let version: StoreVersion = { created: "", number: 0 };
    await expectCall(async () => {
      version = await writer.create(path, bytes("0"), CALL);
    });
    for (let round = 1; round <= 10; round += 1) {
      await expectCall(async () => {
        version = await writer.put(path, bytes(String(round)), version, CALL);
      });
    }
    await expectCall(() => writer.delete(path, version, CALL));
    await expectCall(() => writer.create(path, bytes("again"), CALL));
  });

  test("a watch ends with its signal", async () => {
    const [watcher, writer] = [await suite.open(), await suite.open()];
    const path = freshPath();
    let version = await writer.create(path, bytes("0"), CALL);
    const controller = new AbortController();
    let ended = 0;
    let going = 0;
    watcher.watch(path, () => (ended += 1), controller.signal);
    watcher.watch(path, () => (going += 1), suite.signal());
    version = await writer.put(path, bytes("1"), version, CALL);
    await eventually(
      () => Math.min(ended, going),
      (calls) => calls > 0,
    );
    controller.abort();
    const before = { ended, going };
    await writer.put(path, bytes("2"), version, CALL);
    await eventually(
      () => going,
      (calls) => calls > before.going,
    );
    expect(ended).toBe(before.ended);
  });

  test("an ephemeral record is a record while its creator lives, and goes when the client is closed", async () => {
    const [owner, other] = [await suite.open(), await suite.open()];
    const path = freshPath("holder");
    const created = await owner.create(path, bytes("mine"), { ...CALL, ephemeral: true });
    expect(await codeOf(other.create(path, bytes("x"), CALL))).toBe("RECORD_EXISTS");
    const written = await owner.put(path, bytes("still mine"), created, CALL);
    expect((await other.get(path, CALL))?.version).toEqual(written);
    await owner.close();
    await eventually(
      () => other.get(path, CALL),
      (entry) => entry === undefined,
      suite.backend.ephemeralGoneWithinMs,
    );
    await other.create(path, bytes("next"), CALL);
  });

  test("an ephemeral record vanishes within its bound after its creator was killed", async (context) => {
    const store = await suite.open();
    const path = freshPath("holder");
    const worker = await suite.spawn(context);
    const first = await worker.ask("create", { path, data: bytes("w"), options: { ...CALL, ephemeral: true } });
    await worker.ask("put", { path, data: bytes("w2"), expected: first, timeoutMs: CALL.timeoutMs });
    expect(await store.get(path, CALL)).toBeDefined();
    expect(await store.list(path.slice(0, path.lastIndexOf("/")), CALL)).toEqual(["holder"]);
    await worker.kill();
    const killedMs = monotonicMs();
    await eventually(
      () => store.get(path, CALL),
      (entry) => entry === undefined,
      suite.backend.ephemeralGoneWithinMs,
    );
    expect(monotonicMs() - killedMs).toBeLessThanOrEqual(suite.backend.ephemeralGoneWithinMs + 100);
    expect(await store.list(path.slice(0, path.lastIndexOf("/")), CALL)).toEqual([]);
    const again = await store.create(path, bytes("next"), CALL);
    expect(again.created).not.toBe(first.created);
  });

  test("a closed client takes no record along that another made in the place of its own", async () => {
    const [owner, other] = [await suite.open(), await suite.open()];
    const path = freshPath("holder");
    const version = await owner.create(path, bytes("mine"), { ...CALL, ephemeral: true });
    await other.delete(path, version, CALL);
    const persistent = await other.create(path, bytes("not mine"), CALL);
    await owner.close();
    expect((await other.get(path, CALL))?.version).toEqual(persistent);
  });

  test("a queue orders its candidates by arrival", async () => {
    const path = freshPath("queue");
    const stores = await Promise.all([suite.open(), suite.open(), suite.open()]);
    const tickets: QueueTicket[] = [];
    for (const [index, store] of stores.entries())
      tickets.push(await store.enqueue(path, candidate(`run-${index}`), CALL));
    expect(await placesOf(tickets)).toEqual([0, 1, 2]);
    const [first] = stores;
    expect(await first?.candidates(path, CALL)).toEqual(["run-0", "run-1", "run-2"].map(candidate));
    await tickets[1]?.leave(CALL);
    await tickets[1]?.leave(CALL);
    expect(await placesOf([tickets[0], tickets[2]])).toEqual([0, 1]);
    await tickets[0]?.leave(CALL);
    expect(await placesOf([tickets[2]])).toEqual([0]);
    const last = await first?.enqueue(path, candidate("run-3"), CALL);
    expect(await placesOf([tickets[2], last])).toEqual([0, 1]);
  });

  test("a queue is empty where nobody ever waited", async () => {
    const store = await suite.open();
    expect(await store.candidates(freshPath("queue"), CALL)).toEqual([]);
  });

  test("a candidate that leaves wakes the one behind it and nobody else", async () => {
    const path = freshPath("queue");
    const stores = await Promise.all(Array.from({ length: 4 }, () => suite.open()));
    const tickets: QueueTicket[] = [];
    const wakes = [0, 0, 0, 0];
    for (const [index, store] of stores.entries())
      tickets.push(await store.enqueue(path, candidate(`run-${index}`), CALL));
    await placesOf(tickets);
    for (const [index, ticket] of tickets.entries()) {
      ticket.onPredecessorGone(() => {
        wakes[index] = (wakes[index] ?? 0) + 1;
      }, suite.signal());
    }
    await tickets[2]?.leave(CALL);
    await eventually(
      () => wakes[3],
      (count) => count === 1,
    );
    expect(wakes).toEqual([0, 0, expect.any(Number), 1]);
    await tickets[0]?.leave(CALL);
    await eventually(
      () => wakes[1],
      (count) => count === 1,
    );
    // Called once: a second predecessor is a second question.
    expect(wakes).toEqual([0, 1, expect.any(Number), 1]);
    expect(await placesOf([tickets[1], tickets[3]])).toEqual([0, 1]);
  });

  test("a killed candidate leaves the queue, and the one behind it is woken", async (context) => {
    const path = freshPath("queue");
    const worker = await suite.spawn(context);
    await worker.ask("enqueue", { path, candidate: candidate("killed") });
    const store = await suite.open();
    const ticket = await store.enqueue(path, candidate("waiting"), CALL);
    expect(await ticket.place(CALL)).toBe(1);
    let wakes = 0;
    ticket.onPredecessorGone(() => (wakes += 1), suite.signal());
    await worker.kill();
    await eventually(
      () => wakes,
      (count) => count === 1,
      suite.backend.ephemeralGoneWithinMs + 2_000,
    );
    expect(await ticket.place(CALL)).toBe(0);
    expect(await store.candidates(path, CALL)).toEqual([candidate("waiting")]);
  });

  test("a killed candidate counts no more, also for whoever does not wait behind it", async (context) => {
    const path = freshPath("queue");
    const worker = await suite.spawn(context);
    await worker.ask("enqueue", { path, candidate: candidate("killed") });
    const store = await suite.open();
    const ticket = await store.enqueue(path, candidate("waiting"), CALL);
    expect(await store.candidates(path, CALL)).toEqual(["killed", "waiting"].map(candidate));
    await worker.kill();
    await eventually(
      () => ticket.place(CALL),
      (place) => place === 0,
      suite.backend.ephemeralGoneWithinMs,
    );
    expect(await (await suite.open()).candidates(path, CALL)).toEqual([candidate("waiting")]);
  });

  test("a closed client has left its queues", async () => {
    const path = freshPath("queue");
    const [leaver, stayer] = [await suite.open(), await suite.open()];
    await leaver.enqueue(path, candidate("leaver"), CALL);
    const ticket = await stayer.enqueue(path, candidate("stayer"), CALL);
    expect(await ticket.place(CALL)).toBe(1);
    await leaver.close();
    await eventually(
      () => ticket.place(CALL),
      (place) => place === 0,
      suite.backend.ephemeralGoneWithinMs,
    );
  });
}

async function placesOf(tickets: readonly (QueueTicket | undefined)[]): Promise<(number | undefined)[]> {
  const places = [];
  for (const ticket of tickets) places.push(await ticket?.place(CALL));
  return places;
}

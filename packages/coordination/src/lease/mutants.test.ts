import { cutDeadline, isReached, timeBudget } from "@holdfast/core";
import { expect, test } from "vitest";
import { Attempts } from "./attempts.js";
import { decideBootstrap } from "./bootstrap.js";
import { resumeLease } from "./held-lease.js";
import { judgeRead } from "./judge-read.js";
import {
  CANDIDATE_WAIT_MS,
  createRig,
  isPendingAfter,
  LEASE,
  record,
  SERVICE,
  settleWithin,
  TIMING,
} from "./lease-rig.fixture.js";
import { decideCandidate, observe } from "./observer.js";

/**
 * One test for each one-line deviation that the state model rejects (tooling/model), under the same name: what the
 * code must do for the deviation not to be in it. Those that live in guard and init are tested there.
 */
const never = new AbortController().signal;
const version = (number: number, created = "c1") => ({ created, number });
const instant = (ms: number) => ({ monoMs: ms, bootMs: ms });
const far = { monoMs: Number.POSITIVE_INFINITY, bootMs: Number.POSITIVE_INFINITY };

test("M1: the deadline counts from the stamp taken before sending, not from the acknowledgement", async () => {
  const { acquire, context, clock } = createRig();
  const a = context("a");
  const { lease } = await acquire(a);
  const put = a.store.put.bind(a.store);
  const sentAt = clock.now();
  a.store.put = async (...args) => {
    await clock.advance(400);
    return put(...args);
  };
  const result = await lease.renew(far, never);
  expect(result).toEqual({ kind: "confirmed", stamp: sentAt });
  expect(clock.now().monoMs - sentAt.monoMs).toBe(400);
});

test("M2a: a new version starts the timer at its own answer, not at the previous poll", () => {
  const before = observe(undefined, { record: record(), version: version(1) }, 1_000);
  const after = observe(before, { record: record(), version: version(2) }, 1_300);
  expect(after.seenAtMs).toBe(1_300);
});

test("M2b: the timer starts at the answer, not at the candidate's own start", async () => {
  const { acquire, context, clock, write } = createRig();
  await write(record());
  await clock.advance(10_000);
  const waiting = acquire(context("b"));
  expect(await isPendingAfter(clock, waiting, CANDIDATE_WAIT_MS - 1)).toBe(true);
  await settleWithin(clock, waiting, 100, 1);
});

test("M2c: the timer starts when the answer has arrived, not when the read was sent", async () => {
  const { acquire, context, clock, write } = createRig();
  await write(record());
  const b = context("b");
  const get = b.store.get.bind(b.store);
  let slow = true;
  b.store.get = async (path, options) => {
    const answer = await get(path, options);
    if (slow && path === LEASE) {
      slow = false;
      await clock.sleep(1_000);
    }
    return answer;
  };
  const { tookMs } = await settleWithin(clock, acquire(b), 10_000, 10);
  expect(tookMs).toBeGreaterThanOrEqual(1_000 + CANDIDATE_WAIT_MS);
});

test("M3: of two candidates at one version exactly one wins", async () => {
  const { acquire, context, clock, write, read } = createRig();
  await write(record({ state: { kind: "released" } }));
  const winners: string[] = [];
  for (const name of ["a", "b", "c"]) void acquire(context(name)).then(({ lease }) => winners.push(lease.run));
  await clock.advance(TIMING.renewMs * 3);
  expect(winners).toHaveLength(1);
  expect((await read()).run).toBe(winners[0]);
});

test("M3-two-apps: a renewal against a version that another run replaced is loss", async () => {
  const { acquire, context, read, write } = createRig();
  const { lease } = await acquire(context("a"));
  await write({ ...(await read()), run: "somebody-else", epoch: lease.epoch + 1n });
  expect(await lease.renew(far, never)).toMatchObject({ kind: "lost" });
});

test("M5: an unknown outcome is not success: without proof the renewal is unconfirmed", async () => {
  const { acquire, context, server, clock } = createRig();
  const { lease } = await acquire(context("a"));
  server.inject({ op: "put", path: LEASE, client: "a", times: 99 }, { kind: "lost-request" });
  const deadline = cutDeadline(clock.now(), TIMING);
  const { value } = await settleWithin(clock, lease.renew(deadline, never), 5_000);
  expect(value.kind).toBe("unconfirmed");
});

test("M5b: a re-read that shows my run id, but not the unanswered attempt, does not count", async () => {
  const { acquire, context, server, clock } = createRig();
  const { lease, stamp } = await acquire(context("a"));
  await clock.advance(300);
  server.inject({ op: "put", path: LEASE, client: "a", times: 1 }, { kind: "lost-request" });
  const { value } = await settleWithin(clock, lease.renew(far, never), 5_000);
  // The first attempt was lost; only the second one, with its own later stamp, is proof.
  expect(value.kind).toBe("confirmed");
  if (value.kind === "confirmed") expect(value.stamp.monoMs).toBeGreaterThan(stamp.monoMs + 300);
});

test("M5c: two renewals unanswered, the first was applied: dated with the first one's stamp", () => {
  const stamps = new Map([
    [4, instant(1_000)],
    [5, instant(1_300)],
  ]);
  const self = { run: "me-me-me-me", epoch: 7n, created: "c1", nonce: "nonce-of-me", stamps };
  const seen = { record: record({ run: self.run, attempt: { nonce: self.nonce, n: 4 } }), version: version(9) };
  expect(judgeRead(self, seen)).toMatchObject({ kind: "confirmed", n: 4, stamp: instant(1_000) });
});

test("M6: a candidate waits the lease, one per cent and the guard time", () => {
  const observation = { record: record(), version: version(1), seenAtMs: 0 };
  const at = (nowMs: number) =>
    decideCandidate({ observation, nowMs, place: 0, timing: TIMING, neverRan: false, leaseMsMax: 0 }).kind;
  expect(at(CANDIDATE_WAIT_MS - 0.01)).toBe("wait");
  expect(at(CANDIDATE_WAIT_MS)).toBe("try");
});

test("M7: reading my own run id is no proof of life", () => {
  const self = {
    run: "me-me-me-me",
    epoch: 7n,
    created: "c1",
    nonce: "nonce-of-me",
    stamps: new Map([[5, instant(1)]]),
  };
  const older = { record: record({ run: self.run, attempt: { nonce: self.nonce, n: 4 } }), version: version(9) };
  expect(judgeRead(self, older).kind).toBe("mine");
});

test("M7b: not even a read of the attempt of my former lock process is", async () => {
  const { acquire, context, clock } = createRig();
  const a = context("a");
  const { lease } = await acquire(a);
  const attempts = new Attempts(clock);
  const resumed = await resumeLease(a, attempts, lease, { timeoutMs: 1_000, signal: never });
  expect(resumed).not.toBe("stale");
  expect(attempts.stamps.size).toBe(0);
});

test("M8: the record's lease is waited, not the candidate's own shorter one", async () => {
  const { acquire, context, clock, write } = createRig();
  await write(record({ leaseMs: 9_000 }));
  const { tookMs } = await settleWithin(clock, acquire(context("b")), 20_000);
  expect(tookMs).toBeGreaterThanOrEqual(9_000 * 1.01 + TIMING.guardMs);
});

test("M9a: nothing starts on a takeover with unknown outcome before it is read back", async () => {
  const { acquire, context, clock, server, write } = createRig();
  await write(record({ state: { kind: "released" } }));
  server.inject({ op: "put", path: LEASE, client: "b" }, { kind: "lost-reply" });
  const b = context("b");
  const get = b.store.get.bind(b.store);
  let away = false;
  b.store.get = async (path, options) => {
    if (away && path === LEASE) throw Object.assign(new Error("away"), { code: "STORE_UNREACHABLE", hint: "" });
    return get(path, options);
  };
  const put = b.store.put.bind(b.store);
  b.store.put = async (...args) => {
    away = true;
    return put(...args);
  };
  const waiting = acquire(b);
  expect(await isPendingAfter(clock, waiting, 1_000)).toBe(true);
  away = false;
  await settleWithin(clock, waiting, 1_000);
});

test("M9b: a takeover learnt by reading is dated with its sending, not with the reading", async () => {
  const { acquire, context, clock, server, write } = createRig();
  await write(record({ state: { kind: "released" } }));
  const sentAt = clock.now().monoMs;
  server.inject({ op: "put", path: LEASE, client: "b" }, { kind: "lost-reply" });
  const b = context("b");
  const put = b.store.put.bind(b.store);
  b.store.put = async (...args) =>
    put(...args).catch(async (error: unknown) => {
      await clock.advance(700);
      throw error;
    });
  const { stamp } = await acquire(b);
  expect(stamp.monoMs).toBe(sentAt);
});

test("M9c: a retry after a stale re-read is not dated with the younger attempt", async () => {
  const { acquire, context, clock, server, write } = createRig();
  await write(record({ state: { kind: "released" } }));
  const sentAt = clock.now().monoMs;
  server.inject({ op: "put", path: LEASE, client: "b" }, { kind: "lost-reply" });
  const b = context("b");
  const put = b.store.put.bind(b.store);
  let first = true;
  b.store.put = async (...args) =>
    put(...args).catch(async (error: unknown) => {
      if (first) {
        first = false;
        // The next read is answered by a server that has not seen the write.
        server.inject({ op: "get", path: LEASE, client: "b", times: 1 }, { kind: "stale-read", versionsBehind: 1 });
        await clock.advance(200);
      }
      throw error;
    });
  const { value } = await settleWithin(clock, acquire(b), 5_000);
  expect(value.stamp.monoMs).toBe(sentAt);
});

test("M11: a suspended machine wakes past its deadline: the clock that advanced more counts", async () => {
  const { acquire, context, clock } = createRig();
  const { stamp, lease } = await acquire(context("a"));
  const deadline = cutDeadline(stamp, TIMING);
  clock.suspend(TIMING.leaseMs);
  expect(isReached(deadline, clock.now())).toBe(true);
  expect(await lease.renew(deadline, never)).toMatchObject({ kind: "unconfirmed" });
});

test("M12: creating a missing record grants nothing: its creator waits a whole lease", async () => {
  const { acquire, context, clock, read } = createRig();
  const waiting = acquire(context("b"), { volume: null });
  expect(await isPendingAfter(clock, waiting, CANDIDATE_WAIT_MS - 1)).toBe(true);
  expect((await read()).state.kind).toBe("vacant");
  await settleWithin(clock, waiting, 1_000);
});

test("M12b: a record that was created again is waited out although its version number fits", async () => {
  const { acquire, context, clock, server, read, write } = createRig({ versionCheck: "by-number" });
  await write(record());
  const b = context("b");
  const waiting = acquire(b);
  await clock.advance(100);
  const before = await read();
  // Between the candidate's last look and its write: gone, and there again at the same version number.
  const put = b.store.put.bind(b.store);
  let swapped = false;
  b.store.put = async (...args) => {
    if (!swapped) {
      swapped = true;
      server.removeRecord(LEASE);
      await write(before);
    }
    return put(...args);
  };
  const { tookMs } = await settleWithin(clock, waiting, 20_000);
  expect(swapped).toBe(true);
  expect(tookMs).toBeGreaterThanOrEqual(2 * CANDIDATE_WAIT_MS - 200);
});

test("M14: every takeover has a run id of its own", async () => {
  const { acquire, context, clock } = createRig();
  const runs = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const { lease } = await acquire(context(`a${i}`), { volume: { epoch: null, leaseMs: null }, firstRun: true });
    runs.add(lease.run);
    await lease.release({ kind: "released" }, null, never);
    await clock.advance(1);
  }
  expect(runs.size).toBe(5);
});

test("M16: once a release was sent, the run is over whatever became of it", async () => {
  const { acquire, context, server, clock } = createRig();
  const { lease } = await acquire(context("a"));
  const late = server.inject({ op: "put", path: LEASE, client: "a", times: 999 }, { kind: "lost-request" });
  const { value } = await settleWithin(clock, lease.release({ kind: "released" }, null, never), 10_000, 50);
  expect(value.kind).toBe("not-released");
  late.remove();
  expect(await lease.renew(far, never)).toMatchObject({ kind: "unconfirmed" });
});

test("REACQ-strict: a run that learns of its takeover too late starts only as a new run with the next epoch", async () => {
  const { acquire, context, clock, server, write } = createRig();
  await write(record({ epoch: 3n, state: { kind: "released" } }));
  server.inject({ op: "put", path: LEASE, client: "b" }, { kind: "lost-reply" });
  const b = context("b");
  const put = b.store.put.bind(b.store);
  let first = true;
  b.store.put = async (...args) =>
    put(...args).catch(async (error: unknown) => {
      if (first) await clock.advance(TIMING.leaseMs);
      first = false;
      throw error;
    });
  const { lease, stamp } = await acquire(b);
  expect(lease.epoch).toBe(5n);
  expect(isReached(cutDeadline(stamp, TIMING), clock.now())).toBe(false);
});

test("LVAR-nomin, LVAR-inc-at-send: the lease is fixed for a run: renewals repeat the takeover's length", async () => {
  const { acquire, context, read } = createRig();
  const { lease } = await acquire(context("a"));
  await lease.renew(far, never);
  expect((await read()).leaseMs).toBe(TIMING.leaseMs);
});

test("RECLAIM-app-lock-only, RECLAIM-volume-epoch, F1, F2, F3, F4: there is no fast reclaim on the same machine", async () => {
  const { acquire, context, clock } = createRig();
  const first = await acquire(context("a"));
  expect(first.lease.epoch).toBe(1n);
  const again = acquire(context("a-again"));
  expect(await isPendingAfter(clock, again, CANDIDATE_WAIT_MS - 1)).toBe(true);
});

test("doc-1pc-slew12-margin5: a margin of 5 % of the lease is refused at the clock error that is allowed for", () => {
  const timing = { ...TIMING, leaseMs: 30_000, renewMs: 3_000, stopBudgetMs: 10_000, marginMs: 1_500, guardMs: 500 };
  expect(timeBudget(timing).problems.join()).toMatch(/marginMs 1500 is below/);
  expect(timeBudget({ ...timing, marginMs: 4_500 }).problems).toEqual([]);
});

test("rule 7: a store that knows less than the volume is not believed", () => {
  const facts = {
    service: SERVICE,
    firstRun: true,
    seenEpoch: 0n,
    leaseMs: 3_000,
    leaseMsMax: 3_000,
    volume: { epoch: 9n, leaseMs: 3_000 },
  };
  expect(decideBootstrap({ ...facts, record: undefined, history: undefined })).toMatchObject({ code: "STORE_LOST" });
  expect(decideBootstrap({ ...facts, record: record({ epoch: 4n }), history: undefined })).toMatchObject({
    code: "STORE_LOST",
  });
});

import { type CoordinationStore, hasCode, type StoreVersion, sameVersion } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { expect, test } from "vitest";
import { bytes, CALL, codeOf, demand, eventually, freshPath, type Suite, text } from "./suite.js";

const SHORT = { timeoutMs: 250 };
/** What the machine may add to a timeout on a bad day. */
const SLACK_MS = 1_500;

/** The store hangs, goes away, is closed. */
export function outageTests(suite: Suite): void {
  test("every call to a hanging store ends at its timeout, and says what it knows", async (context) => {
    const { hang, resume } = demand(context, suite.backend.hang);
    const store = await suite.open();
    const path = freshPath();
    const version = await store.create(path, bytes("before"), CALL);
    const ticket = await store.enqueue(freshPath("queue"), { run: "r", agent: "a", since: "" }, CALL);
    await hang();
    try {
      const calls: Record<string, () => Promise<unknown>> = {
        get: () => store.get(path, SHORT),
        put: () => store.put(path, bytes("during"), version, SHORT),
        create: () => store.create(freshPath(), bytes("during"), SHORT),
        delete: () => store.delete(freshPath(), version, SHORT),
        list: () => store.list("services", SHORT),
        enqueue: () => store.enqueue(freshPath("queue"), { run: "r", agent: "a", since: "" }, SHORT),
        candidates: () => store.candidates(path, SHORT),
        place: () => ticket.place(SHORT),
        leave: () => ticket.leave(SHORT),
        findings: () => store.findings(SHORT),
        open: () => suite.unopened().open(SHORT),
      };
      let unanswered = 0;
      for (const [name, call] of Object.entries(calls)) {
        const startMs = monotonicMs();
        const code = await codeOf(call());
        expect(monotonicMs() - startMs, name).toBeLessThan(SHORT.timeoutMs + SLACK_MS);
        expect(["done", "STORE_UNREACHABLE", "UNKNOWN_OUTCOME", "VERSION_CONFLICT"], name).toContain(code);
        if (code === "STORE_UNREACHABLE" || code === "UNKNOWN_OUTCOME") unanswered += 1;
      }
      // A store that hangs for writes alone may still answer reads; if it answered everything it did not hang.
      expect(unanswered).toBeGreaterThan(2);
      const startMs = monotonicMs();
      await store.close();
      expect(monotonicMs() - startMs).toBeLessThan(5_000);
    } finally {
      await resume();
    }
  });

  test("an aborted signal ends a call to a hanging store at once", async (context) => {
    const { hang, resume } = demand(context, suite.backend.hang);
    const store = await suite.open();
    const path = freshPath();
    const version = await store.create(path, bytes("before"), CALL);
    await hang();
    try {
      const controller = new AbortController();
      const reason = new Error("stopped waiting");
      const startMs = monotonicMs();
      const put = store.put(path, bytes("during"), version, { timeoutMs: 30_000, signal: controller.signal });
      controller.abort(reason);
      await expect(put).rejects.toBe(reason);
      expect(monotonicMs() - startMs).toBeLessThan(SLACK_MS);
    } finally {
      await resume();
    }
  });

  test("after a hang the outcome of an unanswered write is what the record says", async (context) => {
    const { hang, resume } = demand(context, suite.backend.hang);
    const [store, observer] = [await suite.open(), await suite.open()];
    const path = freshPath();
    for (let round = 0; round < 3; round += 1) {
      const before = (await observer.get(path, CALL))?.version ?? (await observer.create(path, bytes("start"), CALL));
      await hang();
      let code: string;
      try {
        code = await codeOf(store.put(path, bytes(`during ${round}`), before, SHORT));
      } finally {
        await resume();
      }
      expect(["STORE_UNREACHABLE", "UNKNOWN_OUTCOME"]).toContain(code);
      const decision = await decide(observer, path, before, `after ${round}`);
      const content = text((await observer.get(path, CALL))?.data);
      // Whoever was told "no effect" must be able to rely on it; else one of the two writes won, and it shows.
      if (code === "STORE_UNREACHABLE") expect(decision).toBe("done");
      expect(content).toBe(decision === "done" ? `after ${round}` : `during ${round}`);
    }
  });

  test("a store that is away is unreachable, not empty, and works again when it is back", async (context) => {
    const { goAway, comeBack } = demand(context, suite.backend.away);
    const store = await suite.open();
    const path = freshPath();
    const version = await store.create(path, bytes("before"), CALL);
    await goAway();
    try {
      for (let round = 0; round < 3; round += 1) {
        expect(await codeOf(store.get(path, SHORT))).toBe("STORE_UNREACHABLE");
        expect(["STORE_UNREACHABLE", "UNKNOWN_OUTCOME"]).toContain(
          await codeOf(store.put(path, bytes("during"), version, SHORT)),
        );
        expect(["STORE_UNREACHABLE", "UNKNOWN_OUTCOME"]).toContain(
          await codeOf(store.create(freshPath(), bytes("during"), SHORT)),
        );
        expect(await codeOf(store.list("services", SHORT))).toBe("STORE_UNREACHABLE");
      }
      expect(store.health().state).not.toBe("connected");
    } finally {
      await comeBack();
    }
    const entry = await eventually(
      () => store.get(path, SHORT).catch(unlessUnreachable),
      (found) => found !== undefined,
      20_000,
    );
    const content = text(entry?.data);
    expect(["before", "during"]).toContain(content);
    await store.put(path, bytes("after"), entry?.version as StoreVersion, CALL);
    expect(text((await store.get(path, CALL))?.data)).toBe("after");
    expect(store.health().state).toBe("connected");
  });

  test("health tells how long the store has been silent", async () => {
    const store = suite.unopened();
    expect(store.health()).toMatchObject({ state: "connecting", silentMs: null });
    await store.open(CALL);
    await store.get(freshPath(), CALL);
    const { state, endpoint, silentMs } = store.health();
    expect(state).toBe("connected");
    expect(endpoint).not.toBe("");
    expect(silentMs).toBeGreaterThanOrEqual(0);
    expect(silentMs).toBeLessThan(CALL.timeoutMs);
    await store.close();
    expect(store.health().state).toBe("closed");
  });

  test("a closed store does nothing any more, and may be closed again", async () => {
    const store = await suite.open();
    const path = freshPath();
    const version = await store.create(path, bytes("x"), CALL);
    await store.close();
    await store.close();
    const calls = {
      open: store.open(CALL),
      get: store.get(path, CALL),
      create: store.create(freshPath(), bytes("y"), CALL),
      put: store.put(path, bytes("y"), version, CALL),
      delete: store.delete(path, version, CALL),
      list: store.list("services", CALL),
      enqueue: store.enqueue(freshPath("queue"), { run: "r", agent: "a", since: "" }, CALL),
      candidates: store.candidates(path, CALL),
      findings: store.findings(CALL),
    };
    for (const [name, call] of Object.entries(calls)) expect(await codeOf(call), name).toBe("STORE_CLOSED");
    expect(text((await (await suite.open()).get(path, CALL))?.data)).toBe("x");
  });
}

function unlessUnreachable(error: unknown): undefined {
  if (!hasCode(error, "STORE_UNREACHABLE")) throw error;
}

/** A write at the version from before the hang settles it: either it wins, or the unanswered one had. */
async function decide(
  store: CoordinationStore,
  path: string,
  before: StoreVersion,
  value: string,
): Promise<"done" | "VERSION_CONFLICT"> {
  const code = await eventually(
    () => codeOf(store.put(path, bytes(value), before, CALL)),
    (seen) => seen === "done" || seen === "VERSION_CONFLICT",
    20_000,
  );
  const now = (await store.get(path, CALL))?.version;
  expect(now !== undefined && sameVersion(now, before)).toBe(false);
  return code as "done" | "VERSION_CONFLICT";
}

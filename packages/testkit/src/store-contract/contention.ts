import { type CoordinationStore, hasCode, type StoreVersion } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { expect, test } from "vitest";
import { bytes, CALL, codeOf, createCounter, eventually, freshPath, type Suite, text } from "./suite.js";
import { decodeCounter } from "./values.js";

const WORKERS = 3;
const STOPS = 25;

/** Many clients, many processes, stopped and killed. */
export function contentionTests(suite: Suite, size: { readonly versions: number; readonly kills: number }): void {
  test("of many creators one wins", async () => {
    const stores = await openSeveral(suite, 5);
    for (let round = 0; round < 40; round += 1) {
      const path = freshPath();
      const codes = await Promise.all(
        stores.map((store, index) => codeOf(store.create(path, bytes(`${index}`), CALL))),
      );
      expect(codes.filter((code) => code === "done")).toHaveLength(1);
      expect(codes.filter((code) => code === "RECORD_EXISTS")).toHaveLength(stores.length - 1);
      const content = text((await (stores[0] as CoordinationStore).get(path, CALL))?.data);
      expect(content).toBe(String(codes.indexOf("done")));
    }
  });

  test("of many writes that expect the same version one wins", async () => {
    const stores = await openSeveral(suite, 5);
    const path = freshPath();
    let version = await (stores[0] as CoordinationStore).create(path, bytes("start"), CALL);
    for (let round = 0; round < 60; round += 1) {
      const expected = version;
      const outcomes = await Promise.all(
        stores.map((store, index) => tryPut(store, path, `${round}-${index}`, expected)),
      );
      const winners = outcomes.filter((outcome) => typeof outcome !== "string");
      expect(winners).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === "VERSION_CONFLICT")).toHaveLength(stores.length - 1);
      version = winners[0] as StoreVersion;
    }
  });

  test("several processes: each version is won once, and a counter loses nothing", async (context) => {
    const store = await suite.open();
    const path = freshPath();
    const created = await createCounter(store, path);
    const workers = await Promise.all(Array.from({ length: WORKERS }, () => suite.spawn(context)));
    const untilNumber = created.number + size.versions;
    const reports = await Promise.all(workers.map((worker) => worker.ask("increment", { path, untilNumber })));
    const acknowledged = reports.flatMap((report) => report.acknowledged);
    // Without faults every outcome is known, so each version has exactly one writer that was told so.
    expect(reports.map((report) => report.unknown)).toEqual(reports.map(() => 0));
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    const entry = await store.get(path, CALL);
    expect(entry?.version.number).toBe(untilNumber);
    expect(acknowledged).toHaveLength(size.versions);
    expect(decodeCounter(entry?.data as Uint8Array).count).toBe(acknowledged.length);
    // Otherwise they took turns, and nothing was shown.
    expect(reports.reduce((sum, report) => sum + report.conflicts, 0)).toBeGreaterThan(WORKERS);
  });

  test("a stopped writer holds up nobody, wherever it was stopped", async (context) => {
    const store = await suite.open();
    const path = freshPath();
    await createCounter(store, path);
    const worker = await suite.spawn(context);
    worker.tell("incrementForever", { path });
    for (let stop = 0; stop < STOPS; stop += 1) {
      const before = worker.acknowledged.length;
      await eventually(
        () => worker.acknowledged.length,
        (count) => count > before,
      );
      worker.signal("SIGSTOP");
      // Beyond what any store keeps of old versions, so that the stopped one wakes up in another world now and then.
      const writes = stop % 5 === 0 ? 150 : 3;
      for (let write = 0; write < writes; write += 1) await incrementOrFail(store, path);
      worker.signal("SIGCONT");
    }
    const count = worker.acknowledged.length;
    await eventually(
      () => worker.acknowledged.length,
      (now) => now > count,
    );
  });

  test("writers killed at any moment neither damage the record nor lose an acknowledged write", async (context) => {
    const store = await suite.open();
    const path = freshPath();
    await createCounter(store, path);
    const survivor = await suite.spawn(context);
    survivor.tell("incrementForever", { path });
    const victims = [];
    for (let kill = 0; kill < size.kills; kill += 1) {
      const victim = await suite.spawn(context);
      victims.push(victim);
      victim.tell("incrementForever", { path });
      await eventually(
        () => victim.acknowledged.length,
        (count) => count > 5 + (kill % 7),
      );
      await victim.kill();
      const entry = await store.get(path, CALL);
      const last = Math.max(...victim.acknowledged.map(({ count }) => count));
      expect(decodeCounter(entry?.data as Uint8Array).count).toBeGreaterThanOrEqual(last);
    }
    await survivor.kill();
    const all = [survivor, ...victims].flatMap((worker) => worker.acknowledged);
    expect(new Set(all.map(({ number }) => number)).size).toBe(all.length);
    expect(new Set(all.map(({ count }) => count)).size).toBe(all.length);
    const { count } = decodeCounter((await store.get(path, CALL))?.data as Uint8Array);
    expect(count).toBeGreaterThanOrEqual(all.length);
    // Each killed process may have had one write on its way that it could not tell of, and messages not yet sent.
    await incrementOrFail(store, path);
    expect(decodeCounter((await store.get(path, CALL))?.data as Uint8Array).count).toBe(count + 1);
  });

  test("creates and deletes of killed processes leave a record or none, never half of one", async (context) => {
    const store = await suite.open();
    for (let kill = 0; kill < Math.ceil(size.kills / 2); kill += 1) {
      const victim = await suite.spawn(context);
      const paths = Array.from({ length: 20 }, () => freshPath());
      for (const path of paths) victim.tell("create", { path, data: bytes("whole"), options: CALL });
      await eventually(
        () => store.get(paths[kill % 5] as string, CALL),
        (entry) => entry !== undefined,
      );
      await victim.kill();
      for (const path of paths) {
        const entry = await store.get(path, CALL);
        if (entry !== undefined) expect(text(entry.data)).toBe("whole");
        else await store.create(path, bytes("whole"), CALL);
        const { version } = (await store.get(path, CALL)) ?? { version: { created: "", number: 0 } };
        await store.delete(path, version, CALL);
        expect(await store.get(path, CALL)).toBeUndefined();
      }
    }
  });
}

async function openSeveral(suite: Suite, count: number): Promise<CoordinationStore[]> {
  return Promise.all(Array.from({ length: count }, () => suite.open()));
}

async function tryPut(
  store: CoordinationStore,
  path: string,
  value: string,
  expected: StoreVersion,
): Promise<StoreVersion | string> {
  const attempt = store.put(path, bytes(value), expected, CALL);
  return attempt.catch(async (_error: unknown) => codeOf(attempt));
}

/** With another writer stopped or gone nothing stands in the way: a few tries for what it left behind, no more. */
async function incrementOrFail(store: CoordinationStore, path: string): Promise<void> {
  const startMs = monotonicMs();
  for (let tries = 0; tries < 5; tries += 1) {
    const entry = await store.get(path, CALL);
    const { count } = decodeCounter(entry?.data as Uint8Array);
    try {
      await store.put(
        path,
        bytes(JSON.stringify({ count: count + 1, attempt: "test" })),
        entry?.version as StoreVersion,
        CALL,
      );
      expect(monotonicMs() - startMs).toBeLessThan(CALL.timeoutMs);
      return;
    } catch (error) {
      if (!hasCode(error, "VERSION_CONFLICT")) throw error;
    }
  }
  expect.fail("Somebody still writes.");
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CoordinationStore, formerOfRecord, isFenced, type LeaseRecord } from "@holdfast/core";
import { systemClock } from "@holdfast/effects";
import { createFakeOp, startZooKeeper } from "@holdfast/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDirectoryStore } from "../src/directory/index.js";
import { askHandover, awaitHandover, withdrawHandover } from "../src/handover/index.js";
import { confirmClean, listQuarantines, quarantineAgent, settleQuarantine } from "../src/quarantine/index.js";
import { driveRequest, fenceFormer, requestStorage, serveRequests } from "../src/request/index.js";
import { RequestRig } from "../src/request/request-rig.fixture.js";
import {
  beginRestore,
  endRestore,
  markInitialised,
  pinVolume,
  readStorageRecord,
} from "../src/storage-record/index.js";
import { createZooKeeperStore } from "../src/zookeeper/index.js";

/**
 * The records beside the lease on real stores. Processes die after each effect in turn; every scene has clients of its own,
 * so that what one wrote another has to read from the server.
 */
interface Backend {
  connect(): CoordinationStore;
  stop(): Promise<void>;
}

async function startDirectory(): Promise<Backend> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-request-"));
  return { connect: () => createDirectoryStore({ directory }), stop: () => rm(directory, { recursive: true }) };
}

async function startServer(): Promise<Backend> {
  const { host, port, dispose } = await startZooKeeper().then((server) => ({
    ...{ host: server.host, port: server.port, dispose: () => server.dispose() },
  }));
  return {
    connect: () => createZooKeeperStore({ servers: [{ host, port }], silenceMs: 1_000, sessionTimeoutMs: 4_000 }),
    stop: dispose,
  };
}

const EFFECTS_MAX = 40;
const FORMER = { agent: "a", epoch: 1n, bootId: null };

describe.each([
  ["a directory", startDirectory],
  ["a ZooKeeper server", startServer],
])("on %s", (_, start) => {
  let backend: Backend;
  const stores: CoordinationStore[] = [];
  let services = 0;
  beforeAll(async () => {
    backend = await start();
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await backend.stop();
  });

  async function context() {
    const store = backend.connect();
    stores.push(store);
    await store.open({ timeoutMs: 10_000 });
    return { store, clock: systemClock };
  }

  /** Epoch 1 ran on a, epoch 2 has just been won by b. */
  async function takeover(shared: Awaited<ReturnType<typeof context>>) {
    services += 1;
    const rig = new RequestRig(shared, `service-${services}`);
    const [a, b, c] = [rig.lease(1n, "a"), rig.lease(2n, "b"), rig.lease(3n, "c")];
    await rig.holds(a);
    await rig.driveUntilDeath(a, rig.lease(0n, "x", { state: { kind: "vacant" } }), null, "driver-0");
    await rig.started({ epoch: 1n, agent: "a" });
    await rig.holds(b);
    return { rig, a, b, c };
  }

  async function expectReady(rig: RequestRig, holder: LeaseRecord, formers: readonly (typeof FORMER)[]): Promise<void> {
    const request = await rig.request();
    expect(request).toMatchObject({ state: "ready", epoch: holder.epoch, run: holder.run });
    for (const { role } of rig.volumes) {
      for (const former of formers) expect(isFenced(request?.receipts ?? [], former, role)).toBe(true);
      const attached = { agent: holder.agent, epoch: holder.epoch };
      expect(rig.strategy.state({ service: rig.service, role }).attached).toEqual(attached);
    }
  }

  test("a driver that dies after any effect is followed to the same end, by its like or by the next grant", async () => {
    const shared = await context();
    for (let after = 0; after < EFFECTS_MAX; after++) {
      const same = await takeover(shared);
      const finished = await same.rig.driveUntilDeath(same.b, same.a, after, "driver-1");
      expect(await same.rig.driveUntilDeath(same.b, same.a, null, "driver-2")).toBe(true);
      await expectReady(same.rig, same.b, [FORMER]);

      const next = await takeover(shared);
      await next.rig.driveUntilDeath(next.b, next.a, after, "driver-1");
      await next.rig.holds(next.c);
      expect(await next.rig.driveUntilDeath(next.c, next.b, null, "driver-2")).toBe(true);
      await expectReady(next.rig, next.c, [FORMER, { agent: "b", epoch: 2n, bootId: null }]);
      if (finished) {
        expect(after).toBeGreaterThan(12);
        return;
      }
    }
    throw new Error(`a takeover has more than ${EFFECTS_MAX} effects`);
  });

  test("a run is served by two controllers at once, and what it gets is one answer", async () => {
    const { rig, a, b } = await takeover(await context());
    const stop = new AbortController();
    const controllers = [await context(), await context()].map((records, index) =>
      serveRequests(records, {
        services: () => [rig.service],
        resolve: async () => ({
          volumes: rig.volumes.map((volume) => ({ strategy: rig.strategy, volume })),
          limitMs: 20_000,
        }),
        by: `controller-${index}`,
        op: async (_service, signal) => createFakeOp({ signal }),
        signal: stop.signal,
      }),
    );
    try {
      const asked = { grant: rig.grant(b), former: formerOfRecord(a), limitMs: 20_000 };
      const { contexts, receipts } = await requestStorage(await context(), asked);
      expect(Object.keys(contexts)).toEqual(["data", "log"]);
      expect(receipts).toHaveLength(2);
      await expectReady(rig, b, [FORMER]);
    } finally {
      stop.abort();
      await Promise.all(controllers);
    }
  });

  test("an older epoch is refused by the records, whoever drives it", async () => {
    const { rig, a, b, c } = await takeover(await context());
    await rig.holds(c);
    const calls = rig.strategy.calls.length;
    await expect(driveRequest(await context(), rig.options(b, a))).rejects.toMatchObject({ code: "STALE_EPOCH" });
    expect(rig.strategy.calls).toHaveLength(calls);
  });

  test("a handover reaches the holder of its epoch, and is taken back", async () => {
    const shared = await context();
    const { rig } = await takeover(shared);
    const signal = AbortSignal.timeout(20_000);
    const told = awaitHandover(await context(), rig.service, 2n, signal);
    const wish = { service: rig.service, kind: "switchover" as const, to: null, by: "ops", reason: "update" };
    await expect(askHandover(shared, { ...wish, epoch: 1n }, signal)).rejects.toMatchObject({ code: "STALE_EPOCH" });
    await askHandover(shared, { ...wish, epoch: 2n }, signal);
    expect(await told).toMatchObject({ epoch: 2n, reason: "update" });
    expect(await withdrawHandover(shared, { ...wish, epoch: 2n }, signal)).toBe(true);
    expect(await withdrawHandover(shared, { ...wish, epoch: 2n }, signal)).toBe(false);
  });

  test("a quarantine stands until it is lifted, and an operator's fence writes one", async () => {
    const shared = await context();
    const { rig, b } = await takeover(shared);
    const { signal } = new AbortController();
    const agent = "agent/with a slash";
    await quarantineAgent(shared, rig.service, { agent, epoch: 1n, bootId: "boot-1" }, "did not release", signal);
    const facts = { bootId: "boot-1", attached: false, cleaned: null };
    await expect(settleQuarantine(shared, rig.service, agent, facts, signal)).rejects.toMatchObject({ code: "BUSY" });
    await fenceFormer(shared, {
      volumes: rig.volumes.map((volume) => ({ strategy: rig.strategy, volume })),
      former: FORMER,
      ...{ grant: rig.grant(b), op: createFakeOp(), reason: "by an operator" },
    });
    const names = (await listQuarantines(shared, rig.service, signal)).map((record) => record.agent);
    expect([...names].sort()).toEqual(["a", agent]);
    expect(await settleQuarantine(shared, rig.service, agent, { ...facts, cleaned: "looked" }, signal)).toBe("looked");
    await confirmClean(shared, rig.service, "a", signal);
    await expect(confirmClean(shared, rig.service, "a", signal)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await listQuarantines(shared, rig.service, signal)).toEqual([]);
  });

  test("of twenty that choose a pin at once, one choice stands for all", async () => {
    const shared = await context();
    services += 1;
    const name = { service: `service-${services}`, role: "data" };
    const { signal } = new AbortController();
    const clients = [shared, await context(), await context(), await context()];
    const pins = await Promise.all(
      Array.from({ length: 20 }, (__, index) =>
        pinVolume(clients[index % 4] ?? shared, name, "local-pin", { agent: `agent-${index}`, why: "mine" }, signal),
      ),
    );
    expect(new Set(pins.map(({ pin }) => pin?.agent)).size).toBe(1);
    const other = markInitialised(shared, name, "nbd", { volumeId: "x", epoch: 1n, agent: "a" }, signal);
    await expect(other).rejects.toMatchObject({ code: "INCOMPATIBLE" });
  });

  test("a restore is begun once per loss, and ended only by the run that began it", async () => {
    const shared = await context();
    services += 1;
    const name = { service: `service-${services}`, role: "data" };
    const { signal } = new AbortController();
    const strategy = "local-pin";
    await markInitialised(shared, name, strategy, { volumeId: "v1", epoch: 1n, agent: "lost" }, signal);
    await pinVolume(shared, name, strategy, { agent: "new", why: "lost is gone" }, signal);
    const run = { agent: "new", run: "run-of-epoch-2", epoch: 2n };
    const facts = { permitted: true, volumeId: null, empty: true };
    const begin = () => beginRestore(shared, name, strategy, { run, facts, from: "nightly" }, signal);
    expect((await begin()).kind).toBe("begin");
    expect((await begin()).kind).toBe("begin");
    const at = "2026-01-02T03:04:05.000Z";
    const receipt = { epoch: 2n, reason: "lost", lossMsMax: null, from: "nightly", at };
    const result = { state: "done" as const, volumeId: "v2", receipt };
    const stranger = { ...run, run: "run-of-somebody" };
    await expect(endRestore(shared, name, strategy, { run: stranger, result }, signal)).rejects.toMatchObject({
      code: "STALE_EPOCH",
    });
    await endRestore(shared, name, strategy, { run, result }, signal);
    await endRestore(shared, name, strategy, { run, result }, signal);
    const record = await readStorageRecord(await context(), name, signal);
    expect(record).toMatchObject({ restore: { state: "done" }, initialised: { volumeId: "v2", agent: "new" } });
    expect(record?.lossReceipts).toHaveLength(1);
    const again = { run: { ...run, run: "run-of-epoch-3", epoch: 3n }, facts: { ...facts, volumeId: "v2" }, from: "n" };
    expect((await beginRestore(shared, name, strategy, again, signal)).kind).toBe("none");
  });
});

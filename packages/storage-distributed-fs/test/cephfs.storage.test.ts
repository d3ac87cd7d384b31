import type { Volume } from "@holdfast/core";
import { type CephFsWorld, cephFsRecipe, type NodeHalf } from "@holdfast/testkit";
import { everydayRun } from "@holdfast/testkit/vitest";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createDistributedFsStrategy } from "../dist/index.js";
import { createStage, type Stage, timed } from "./support.js";
import { BLOCK, former, openFile, readBlock, refusals, takeOver, writeSynced } from "./takeover.js";

const strategy = createDistributedFsStrategy();
/** ESHUTDOWN first, then EIO or EBADF: the client knows that it was shut out. */
const REFUSED = /ESHUTDOWN|EIO|ENOTCONN|EBADF/;

let world: CephFsWorld;
let stage: Stage;
beforeAll(async () => {
  world = await cephFsRecipe().start();
});
afterAll(async () => {
  await world.close();
});
beforeEach(() => {
  stage = createStage();
});
afterEach(async () => {
  for (const agent of world.agents) await agent.heal();
  // The fence is of the agent, so the next test would meet it.
  for (const volume of volumes.splice(0))
    for (const { id } of world.agents) await strategy.unfence(stage.op, volume, id);
  await stage.close();
});

let count = 0;
const volumes: Volume[] = [];
async function volumeOf(options: Record<string, unknown> = {}): Promise<Volume> {
  count += 1;
  const created = await world.createVolume(`orders${count}`);
  const volume = { ...created, options: strategy.optionsSchema.parse({ ...(created.options as object), ...options }) };
  // With the world's own limits: a test may have set others.
  volumes.push({ ...created, options: strategy.optionsSchema.parse(created.options) });
  return volume;
}

test("mounts, proves that other agents see its locks, and leaves nothing behind", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  await half.help("mark", { path: volume.mountPath, service: volume.service, role: volume.role });
  const evidence = await half.verify(volume, stage.grant(volume, first, 1n));
  expect(evidence).toMatchObject({ mounted: true, locking: "cross-agent", fsType: "fuse.ceph-fuse", readOnly: false });

  const other = await stage.mounted(volume, second, 2n);
  const lock = await half.help("lock", { path: `${volume.mountPath}/lock` });
  expect(lock).not.toBeNull();
  expect(await other.help("lock", { path: `${volume.mountPath}/lock` })).toBeNull();
  await half.help("unlock", { lock: lock ?? -1 });

  // Not synced by the application: a close that returned has reached the servers.
  const file = await openFile(half, volume);
  await half.help("write", { file, position: 0, pattern: "k", length: 16 * BLOCK });
  await half.help("close", { file });
  await half.unmount(volume);
  await half.unmount(volume);
  expect(await readBlock(other, volume, 15)).toBe("k");
  const outside = await stage.outside(first);
  expect(await outside.cut(volume)).toMatchObject({ kind: "cut" });
});

test("without a fence nobody else can mount until the server itself has shut the silent client out", async ({
  skip,
}) => {
  skip(everydayRun() !== undefined, everydayRun());
  const [first, second] = world.agents;
  const volume = await volumeOf({ mountTimeoutMs: 120_000 });
  const half = await stage.mounted(volume, first, 1n);
  const [buffered, direct] = [await openFile(half, volume), await openFile(half, volume, true)];
  await writeSynced(half, buffered, "a", 2);
  await first.cut();
  half.help("write", { file: buffered, position: 0, pattern: "F", length: 2 * BLOCK }).catch(() => "cut off");
  const mount = await timed(async () => {
    const successor = await stage.tree(second);
    const grant = stage.grant(volume, second, 2n);
    await successor.call("mount", [volume, {}, grant], { timeoutMs: 150_000 });
    return successor;
  });
  expect(mount.error).toBeUndefined();
  // session_timeout, less what the client's last word was old; far more than a fence takes.
  expect(mount.ms).toBeGreaterThan(30_000);
  const successor = mount.value as NodeHalf;
  await writeSynced(successor, await openFile(successor, volume), "B", 2);
  await first.heal();
  const takeover = { volume, half, successor, buffered, direct, receipt: undefined, fenceMs: 0 };
  await refusals(takeover, REFUSED, 3);
}, 300_000);

test("a fenced holder cannot write any more, and stays out until it is let back in", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const takeover = await takeOver({ world, stage, strategy }, volume, "fence");
  expect(takeover.receipt).toMatchObject({ fencedEpoch: 1n, agent: first.id, byEpoch: 2n });
  // The address as a whole, and the one client that it had.
  expect(takeover.receipt?.evidence).toContain(`${first.address}:0/0 until 20`);
  expect(takeover.receipt?.evidence).toMatch(new RegExp(`${first.address}:0/[1-9]\\d* until 20`));
  expect(takeover.fenceMs).toBeLessThan(30_000);
  await refusals(takeover, REFUSED, 5);

  const again = await stage.tree(first);
  const mount = await timed(() => again.mount(volume, {}, stage.grant(volume, first, 3n)));
  expect(mount.error).toMatchObject({ code: "DENIED" });
  const observed = await strategy.observe(stage.op, volume);
  expect(observed.fenced).toEqual([first.id]);
  await expect(strategy.fence(stage.op, volume, former, stage.grant(volume, first, 1n))).rejects.toMatchObject({
    code: "STALE_EPOCH",
  });
  await strategy.fence(stage.op, volume, former, stage.grant(volume, second, 2n));
  await strategy.unfence(stage.op, volume, first.id);
  await strategy.unfence(stage.op, volume, first.id);
  await again.mount(volume, {}, stage.grant(volume, first, 3n));
  expect(await readBlock(again, volume)).toBe("B");
  // The clients that it had stay out for ever.
  expect(await world.cluster.ceph("osd", "blocklist", "ls")).toMatch(new RegExp(`${first.address}:0/[1-9]`));
});

test("a claim of a dead client outlives a lease, and a fence frees it at once", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  await half.help("lock", { path: `${volume.mountPath}/lock` });
  await first.cut();
  await half.kill();
  expect(await world.cluster.ceph("tell", "mds.fs:0", "client", "ls")).toContain(`${first.address}:0`);
  const freed = await timed(async () => {
    await strategy.fence(stage.op, volume, former, stage.grant(volume, second, 2n));
    const successor = await stage.mounted(volume, second, 2n);
    return successor.help("lock", { path: `${volume.mountPath}/lock` });
  });
  expect(freed.error).toBeUndefined();
  expect(freed.value).not.toBeNull();
  expect(freed.ms).toBeLessThan(30_000);
});

test("a claim that a dead tree of the same agent left is taken off when it attaches again", async () => {
  const [first] = world.agents;
  const volume = await volumeOf();
  await strategy.attach(stage.op, volume, first.id, stage.grant(volume, first, 1n));
  const half = await stage.mounted(volume, first, 1n);
  await half.help("lock", { path: `${volume.mountPath}/lock` });
  await first.cut();
  await half.kill();
  const outside = await stage.outside(first);
  expect(await outside.cut(volume)).toMatchObject({ kind: "cut" });
  await first.heal();
  await strategy.attach(stage.op, volume, first.id, stage.grant(volume, first, 2n));
  const again = await stage.mounted(volume, first, 2n);
  expect(await again.help("lock", { path: `${volume.mountPath}/lock` })).not.toBeNull();
});

test("lost update: what a killed holder had under way never replaces the successor's bytes", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  const file = await openFile(half, volume);
  await writeSynced(half, file, "a", 64);
  await first.cut();
  await half.help("write", { file, position: 0, pattern: "L", length: 64 * BLOCK });
  expect(await half.kill()).toEqual({ kind: "gone" });
  const outside = await stage.outside(first);
  const cut = await timed(() => outside.cut(volume));
  expect(cut.value).toMatchObject({ kind: "cut" });
  expect(cut.ms).toBeLessThan(strategy.capabilities(volume).cutMsMax);

  await strategy.fence(stage.op, volume, former, stage.grant(volume, second, 2n));
  const successor = await stage.mounted(volume, second, 2n);
  await writeSynced(successor, await openFile(successor, volume), "B", 64);
  await first.heal();
  // A new client there proves that the agent is back on the network.
  await strategy.unfence(stage.op, volume, first.id);
  const back = await stage.mounted(volume, first, 3n);
  for (const block of [0, 63]) {
    expect(await readBlock(back, volume, block)).toBe("B");
    expect(await readBlock(successor, volume, block)).toBe("B");
  }
});

test("hung servers: every call returns within its limit", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf({ callTimeoutMs: 2_000, mountTimeoutMs: 4_000, controlTimeoutMs: 3_000 });
  const half = await stage.mounted(volume, first, 1n);
  const grant = stage.grant(volume, first, 1n);
  await world.servers.hang();
  try {
    const verify = await timed(() => half.verify(volume, grant));
    expect(verify.error).toMatchObject({ code: "VOLUME_HUNG" });
    expect(verify.ms).toBeLessThan(3_000);
    expect((await timed(() => half.metrics(volume))).ms).toBeLessThan(3_000);
    expect((await timed(() => half.unmount(volume))).ms).toBeLessThan(6_000);
    expect((await timed(() => half.check(volume, {}))).ms).toBeLessThan(6_000);
    const other = await stage.tree(second);
    const mount = await timed(() => other.mount(volume, {}, stage.grant(volume, second, 2n)));
    expect(mount.error).toMatchObject({ code: "BUSY" });
    expect(mount.ms).toBeLessThan(8_000);
    const fence = await timed(() => strategy.fence(stage.op, volume, former, stage.grant(volume, second, 2n)));
    expect(fence.error).toMatchObject({ code: expect.stringMatching(/UNKNOWN_OUTCOME|BUSY|UNFENCEABLE/) });
    expect(fence.ms).toBeLessThan(15_000);
    expect(await half.kill()).toEqual({ kind: "gone" });
    const outside = await stage.outside(first);
    const cut = await timed(() => outside.cut(volume));
    expect(cut.value).toMatchObject({ kind: "cut" });
    expect(cut.ms).toBeLessThan(strategy.capabilities(volume).cutMsMax);
  } finally {
    await world.servers.resume();
  }
});

test("says how long a dead client keeps its locks, and that the blocklist must be used", async () => {
  const volume = await volumeOf({ sessionAutocloseSeconds: 30 });
  await world.cluster.ceph("config", "set", "mds", "mds_session_blocklist_on_evict", "false");
  try {
    const findings = (await strategy.inspect?.(stage.op, volume)) ?? [];
    expect(findings.map(({ code }) => code).sort()).toEqual(["CEPHFS_BLOCKLIST_OFF", "CEPHFS_SESSION_AUTOCLOSE"]);
  } finally {
    await world.cluster.ceph("config", "rm", "mds", "mds_session_blocklist_on_evict");
  }
  const { settings } = strategy.explain(volume);
  expect(settings).toContainEqual(expect.objectContaining({ name: "session_autoclose", value: "30" }));
  const half = await stage.mounted(volume, world.agents[0], 1n);
  expect(await half.check(volume, {})).toMatchObject({ state: "clean" });
});

import type { Volume } from "@holdfast/core";
import { type GlusterWorld, glusterRecipe, type NodeHalf, until } from "@holdfast/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createDistributedFsStrategy } from "../dist/index.js";
import { createStage, type Stage, timed } from "./support.js";

const strategy = createDistributedFsStrategy();
const BLOCK = 4_096;
/** From the world's settings: 3 s of ping-timeout, 5 s of TCP user timeout, and slack for a busy machine. */
const QUORUM_ERROR_MS_MAX = 12_000;

let world: GlusterWorld;
let stage: Stage;
beforeAll(async () => {
  world = await glusterRecipe().start();
});
afterAll(async () => {
  await world.close();
});
beforeEach(() => {
  stage = createStage();
});
afterEach(async () => {
  for (const agent of world.agents) await agent.heal();
  for (const { machine } of world.cluster.servers) if (machine.state() !== "connected") await machine.heal();
  await stage.close();
  await world.cluster.revive();
  // They share one Gluster volume, and with it the list of those who are refused.
  const { op, close } = createStage();
  for (const volume of volumes.splice(0)) await strategy.unfence(op, volume, world.agents[0].id);
  await close();
});

let count = 0;
const volumes: Volume[] = [];
async function volumeOf(options: Record<string, unknown> = {}): Promise<Volume> {
  count += 1;
  const created = await world.createVolume(`orders${count}`);
  const parsed = strategy.optionsSchema.parse({ ...(created.options as object), ...options });
  const volume = { ...created, options: parsed };
  volumes.push(volume);
  return volume;
}

const glusterVolume = (volume: Volume) => (volume.options as { volume: string }).volume;
const open = (half: NodeHalf, volume: Volume, name = "file", direct = false) =>
  half.help("open", { path: `${volume.mountPath}/${name}`, create: true, direct });
const write = (half: NodeHalf, file: number, pattern: string, position = 0, length = BLOCK) =>
  half.help("write", { file, position, pattern, length });
const read = (half: NodeHalf, volume: Volume, position = 0) =>
  half.help("read", { path: `${volume.mountPath}/file`, position, length: 1, drop: false });
const former = { agent: "agent-1", epoch: 1n, bootId: null };

test("mounts, proves that other agents see its locks, and leaves nothing behind", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  await half.help("mark", { path: volume.mountPath, service: volume.service, role: volume.role });
  const evidence = await half.verify(volume, stage.grant(volume, first, 1n));
  expect(evidence).toMatchObject({ mounted: true, locking: "cross-agent", fsType: "fuse.glusterfs", readOnly: false });

  // The same mount path, seen by this tree alone.
  const other = await stage.mounted(volume, second, 2n);
  const lock = await half.help("lock", { path: `${volume.mountPath}/lock` });
  expect(lock).not.toBeNull();
  expect(await other.help("lock", { path: `${volume.mountPath}/lock` })).toBeNull();

  // Not synced by the application: a close that returned has reached the servers.
  const file = await open(half, volume);
  await write(half, file, "k", 0, 16 * BLOCK);
  await half.help("close", { file });
  await half.help("unlock", { lock: lock ?? -1 });
  await half.unmount(volume);
  await half.unmount(volume);
  expect((await half.mounts()).filter(({ mountPoint }) => mountPoint === volume.mountPath)).toEqual([]);
  expect(await read(other, volume, 15 * BLOCK)).toBe("k");
  const outside = await stage.outside(first);
  expect(await outside.cut(volume)).toEqual({
    kind: "cut",
    evidence: "no client process is left; no orphaned socket leads to the servers",
  });
});

test("refuses a second agent until the first is detached, and an older epoch for ever", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const attach = (agent: typeof first, epoch: bigint) =>
    strategy.attach(stage.op, volume, agent.id, stage.grant(volume, agent, epoch));
  await attach(first, 5n);
  await attach(first, 5n);
  await expect(attach(second, 6n)).rejects.toMatchObject({ code: "HELD_BY_OTHER", detail: { agent: first.id } });
  await strategy.detach(stage.op, volume, second.id);
  await strategy.detach(stage.op, volume, first.id);
  await strategy.detach(stage.op, volume, first.id);
  await attach(second, 6n);
  expect(await strategy.observe(stage.op, volume)).toMatchObject({
    exists: true,
    attachments: [{ agent: second.id, epoch: 6n }],
    fenced: [],
  });
  await expect(attach(first, 5n)).rejects.toMatchObject({ code: "STALE_EPOCH" });
  const missing = { ...volume, options: { ...(volume.options as object), volume: "nothing" } };
  await expect(strategy.attach(stage.op, missing, first.id, stage.grant(volume, first, 9n))).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

test("goes on without a brick, and says which is down", async () => {
  const [first] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  const file = await open(half, volume);
  await write(half, file, "a");
  const [server] = world.cluster.servers;
  for (const pid of await server.bricks()) process.kill(pid, "SIGKILL");
  const brick = `${server.machine.address}:${server.brickDirectory}/${glusterVolume(volume)}`;
  let seen: readonly string[] = [];
  await until(
    "the dead brick to be seen",
    async () => {
      seen = (await half.check(volume, {})).findings;
      return seen.some((finding) => finding.includes(`${brick} is down`));
    },
    { timeoutMs: 60_000, seen: () => seen.join("; ") },
  );
  await write(half, file, "b");
  await half.help("fsync", { file });
  expect(await read(half, volume)).toBe("b");
  const findings = await strategy.inspect?.(stage.op, volume);
  expect(findings?.map(({ code }) => code)).toEqual(["GLUSTER_BRICK_DOWN"]);
});

test("without a majority of the servers it is not usable, and the same descriptor works again with them", async () => {
  const [first] = world.agents;
  const volume = await volumeOf({ controlTimeoutMs: 15_000 });
  const half = await stage.mounted(volume, first, 1n);
  const file = await open(half, volume);
  await write(half, file, "a");
  await half.help("fsync", { file });
  const [, second, third] = world.cluster.servers;
  await second?.machine.cut();
  await third?.machine.cut();
  const failed = await timed(async () => {
    await write(half, file, "b");
    await half.help("fsync", { file });
  });
  expect(String(failed.error)).toMatch(/ENOTCONN/);
  expect(failed.ms).toBeLessThan(QUORUM_ERROR_MS_MAX);
  await until("the check to see it", async () => (await timed(() => half.check(volume, {}))).error !== undefined, {
    timeoutMs: 60_000,
  });
  await expect(half.check(volume, {})).rejects.toMatchObject({ code: "BUSY", retryable: true });
  await second?.machine.heal();
  await third?.machine.heal();
  await until(
    "the descriptor to work again",
    async () =>
      (await timed(() => write(half, file, "c").then(() => half.help("fsync", { file })))).error === undefined,
    { timeoutMs: 60_000 },
  );
  expect(await read(half, volume)).toBe("c");
});

/** What a former holder writes, through descriptors of before, on a data file that nobody locked. */
async function lateWrites(half: NodeHalf, buffered: number, direct: number): Promise<unknown[]> {
  const results = [
    await timed(() => write(half, buffered, "L", 0).then(() => half.help("fsync", { file: buffered }))),
    await timed(() => write(half, direct, "D", BLOCK)),
  ];
  return results.map(({ error }) => error);
}

async function cutHolderAndSuccessor(fenced: boolean) {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const grant = stage.grant(volume, first, 1n);
  await strategy.attach(stage.op, volume, first.id, grant);
  const half = await stage.mounted(volume, first, 1n);
  const [buffered, direct] = [await open(half, volume), await open(half, volume, "file", true)];
  await write(half, buffered, "a", 0, 2 * BLOCK);
  await half.help("fsync", { file: buffered });
  await first.cut();
  const successor = await stage.mounted(volume, second, 2n);
  const byEpoch = stage.grant(volume, second, 2n);
  const receipt = fenced ? await strategy.fence(stage.op, volume, former, byEpoch) : undefined;
  const file = await open(successor, volume);
  await write(successor, file, "B", 0, 2 * BLOCK);
  await successor.help("fsync", { file });
  await first.heal();
  return { volume, half, successor, buffered, direct, receipt };
}

test("control row: without a fence, a former holder's late writes replace the successor's", async () => {
  const { volume, half, successor, buffered, direct } = await cutHolderAndSuccessor(false);
  await until(
    "the old descriptors to work",
    async () => (await lateWrites(half, buffered, direct)).every((error) => error === undefined),
    { timeoutMs: 60_000 },
  );
  await until("the late writes to be seen", async () => (await read(successor, volume)) === "L", { timeoutMs: 5_000 });
  expect(await read(successor, volume, BLOCK)).toBe("D");
});

test("a fenced holder cannot write any more: its client is refused after healing and ends", async () => {
  const [first] = world.agents;
  const { volume, half, successor, buffered, direct, receipt } = await cutHolderAndSuccessor(true);
  expect(receipt).toMatchObject({ fencedEpoch: 1n, agent: first.id, byEpoch: 2n });
  expect(receipt?.evidence).toContain(`auth.reject: ${first.address}`);
  expect(receipt?.evidence.match(/: clients /g)?.length).toBeGreaterThanOrEqual(2);
  await until(
    "the former holder's client to end",
    async () => {
      const errors = await lateWrites(half, buffered, direct);
      expect(errors.every((error) => /ENOTCONN|EIO|ENOENT/.test(String(error)))).toBe(true);
      return (await half.mounts()).every(({ mountPoint }) => mountPoint !== volume.mountPath);
    },
    { timeoutMs: 60_000 },
  );
  expect(await read(successor, volume)).toBe("B");
  expect(await read(successor, volume, BLOCK)).toBe("B");

  // It stays out until it is let back in.
  const again = await stage.tree(first);
  const mount = await timed(() => again.mount(volume, {}, stage.grant(volume, first, 3n)));
  expect(mount.error).toMatchObject({ code: "DENIED" });
  const observed = await strategy.observe(stage.op, volume);
  expect(observed.fenced).toEqual([first.id]);
  expect(strategy.plan(volume, observed, { agent: first.id, epoch: 3n, former: [] })).toMatchObject({
    steps: [{ verb: "unfence" }, { verb: "attach" }],
  });
  await expect(strategy.fence(stage.op, volume, former, stage.grant(volume, first, 1n))).rejects.toMatchObject({
    code: "STALE_EPOCH",
  });
  await strategy.unfence(stage.op, volume, first.id);
  await strategy.unfence(stage.op, volume, first.id);
  await again.mount(volume, {}, stage.grant(volume, first, 3n));
  expect(await read(again, volume)).toBe("B");
});

test("fencing frees the lock of a holder that is connected and only paused", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  const successor = await stage.mounted(volume, second, 2n);
  const file = await open(half, volume);
  await write(half, file, "a");
  await half.help("lock", { path: `${volume.mountPath}/lock` });
  await half.stop();
  expect(await successor.help("lock", { path: `${volume.mountPath}/lock` })).toBeNull();
  const { ms } = await timed(() => strategy.fence(stage.op, volume, former, stage.grant(volume, second, 2n)));
  expect(await successor.help("lock", { path: `${volume.mountPath}/lock` })).not.toBeNull();
  expect(ms).toBeLessThan(5_000);
  const mine = await open(successor, volume);
  await write(successor, mine, "B");
  await successor.help("fsync", { file: mine });
  await half.resume();
  const late = await timed(() => write(half, file, "L").then(() => half.help("fsync", { file })));
  expect(String(late.error)).toMatch(/ENOTCONN|EIO/);
  expect(await read(successor, volume)).toBe("B");
});

test("fences while a server is off the network", async () => {
  const [, second] = world.agents;
  const volume = await volumeOf();
  await stage.mounted(volume, world.agents[0], 1n);
  const third = world.cluster.servers[2];
  await third?.machine.cut();
  const { error, value, ms } = await timed(() =>
    strategy.fence(stage.op, volume, former, stage.grant(volume, second, 2n)),
  );
  expect(error).toBeUndefined();
  expect(value?.evidence).toContain(`${third?.machine.address}:${third?.brickDirectory}/${glusterVolume(volume)}: no`);
  expect(ms).toBeLessThan(30_000);
});

test("lost update: what a killed holder had under way never replaces the successor's bytes", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  const file = await open(half, volume);
  await write(half, file, "a", 0, 64 * BLOCK);
  await half.help("fsync", { file });
  await first.cut();
  await write(half, file, "L", 0, 64 * BLOCK);
  expect(await half.kill()).toEqual({ kind: "gone" });
  const outside = await stage.outside(first);
  const cut = await timed(() => outside.cut(volume));
  expect(cut.value).toMatchObject({ kind: "cut" });
  expect(cut.ms).toBeLessThan(strategy.capabilities(volume).cutMsMax);
  // Not vacuous: the kernel did hold something that it would have delivered.
  expect(JSON.stringify(cut.value)).toMatch(
    /orphaned sockets to the servers killed, [1-9]\d* bytes were still to be sent/,
  );

  const successor = await stage.mounted(volume, second, 2n);
  const mine = await open(successor, volume);
  await write(successor, mine, "B", 0, 64 * BLOCK);
  await successor.help("fsync", { file: mine });
  await first.heal();
  // A new client there proves that the agent is back on the network.
  const back = await stage.mounted(volume, first, 3n);
  for (const position of [0, 63 * BLOCK]) {
    expect(await read(back, volume, position)).toBe("B");
    expect(await read(successor, volume, position)).toBe("B");
  }
});

test("split-brain is found and named, and nothing is decided about it", async () => {
  const [first, second] = world.agents;
  const name = "split";
  await world.cluster.createVolume(name);
  const volume = await volumeOf({ volume: name, subdirectory: undefined });
  // What quorum and the self-heal daemon are there to prevent.
  for (const [setting, value] of [
    ["cluster.quorum-type", "none"],
    ["cluster.self-heal-daemon", "off"],
    ["cluster.data-self-heal", "off"],
  ] as const)
    await world.cluster.gluster("volume", "set", name, setting, value);
  const [one, ...others] = world.cluster.servers.map(({ machine }) => machine.address);
  const left = await stage.mounted(volume, first, 1n);
  const right = await stage.mounted(volume, second, 2n);
  const [leftFile, rightFile] = [await open(left, volume), await open(right, volume)];
  await first.drop(others);
  await second.drop([one ?? ""]);
  await write(left, leftFile, "L");
  await left.help("fsync", { file: leftFile });
  await write(right, rightFile, "R");
  await right.help("fsync", { file: rightFile });
  await first.heal();
  await second.heal();
  const damaged = await until(
    "split-brain to be seen",
    async () => {
      const result = await left.check(volume, {});
      return result.state === "clean" ? undefined : result;
    },
    { timeoutMs: 60_000 },
  );
  expect(damaged).toMatchObject({ state: "damaged", safeToRepair: false, findings: ["split-brain: /file"] });
  expect(damaged.command).toContain(`gluster volume heal ${name} split-brain`);
  const codes = (await strategy.inspect?.(stage.op, volume))?.map(({ code }) => code);
  expect(codes).toEqual(["GLUSTER_SPLIT_BRAIN", "GLUSTER_QUORUM"]);
  await stage.close();
  await world.cluster.removeVolume(name);
  volumes.pop();
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
    const metrics = await timed(() => half.metrics(volume));
    expect(metrics.ms).toBeLessThan(3_000);
    const unmount = await timed(() => half.unmount(volume));
    expect(unmount.ms).toBeLessThan(6_000);
    const check = await timed(() => half.check(volume, {}));
    expect(check.ms).toBeLessThan(15_000);
    const other = await stage.tree(second);
    const mount = await timed(() => other.mount(volume, {}, stage.grant(volume, second, 2n)));
    expect(mount.error).toMatchObject({ code: expect.stringMatching(/BUSY|INTERNAL/) });
    expect(mount.ms).toBeLessThan(8_000);
    const fence = await timed(() => strategy.fence(stage.op, volume, former, stage.grant(volume, second, 2n)));
    expect(fence.error).toMatchObject({ code: expect.stringMatching(/UNKNOWN_OUTCOME|BUSY|UNFENCEABLE/) });
    expect(fence.ms).toBeLessThan(15_000);
    // The tree ends with its mount hung, and the cut does not wait for anybody.
    expect(await half.kill()).toEqual({ kind: "gone" });
    const outside = await stage.outside(first);
    const cut = await timed(() => outside.cut(volume));
    expect(cut.value).toMatchObject({ kind: "cut" });
    expect(cut.ms).toBeLessThan(strategy.capabilities(volume).cutMsMax);
  } finally {
    await world.servers.resume();
  }
});

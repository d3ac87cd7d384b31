import type { Volume } from "@holdfast/core";
import { type MooseFsWorld, mooseFsRecipe, until } from "@holdfast/testkit";
import { everydayRun } from "@holdfast/testkit/vitest";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createDistributedFsStrategy } from "../dist/index.js";
import { createStage, type Stage, timed } from "./support.js";
import {
  BLOCK,
  former,
  openFile,
  readBlock,
  refusals,
  takeOver,
  untilLateWritesLand,
  writeSynced,
} from "./takeover.js";

const strategy = createDistributedFsStrategy();

let world: MooseFsWorld;
let stage: Stage;
beforeAll(async () => {
  world = await mooseFsRecipe().start();
});
afterAll(async () => {
  await world.close();
});
beforeEach(() => {
  stage = createStage();
});
afterEach(async () => {
  for (const agent of world.agents) await agent.heal();
  await stage.close();
});

let count = 0;
async function volumeOf(options: Record<string, unknown> = {}): Promise<Volume> {
  count += 1;
  const created = await world.createVolume(`orders${count}`);
  return { ...created, options: strategy.optionsSchema.parse({ ...(created.options as object), ...options }) };
}

/** By hand, as an operator might think that it is enough. */
async function removeSession(address: string): Promise<void> {
  await until(
    "the session to be removed",
    async () => {
      const sessions = (await world.cluster.cli("-SMS")).split("\n").map((line) => line.split("\t"));
      const own = sessions.filter((columns) => columns[2] === address);
      for (const [, id] of own) await world.cluster.cli(`-CRS/${id}`);
      return own.length === 0;
    },
    { timeoutMs: 30_000, intervalMs: 200 },
  );
}

test("mounts, proves that other agents see its locks, and leaves nothing behind", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  await half.help("mark", { path: volume.mountPath, service: volume.service, role: volume.role });
  const evidence = await half.verify(volume, stage.grant(volume, first, 1n));
  expect(evidence).toMatchObject({ mounted: true, locking: "cross-agent", fsType: "fuse", readOnly: false });

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

test("of several masters the one that answers is used", async () => {
  const [first, , third] = world.agents;
  const created = await volumeOf();
  const { servers } = created.options as { servers: string[] };
  // An address without a master, and one where nobody is.
  const volume = await volumeOf({
    servers: [third?.address, `${world.hostAddress.replace(/\d+$/, "199")}`, ...servers],
  });
  const half = await stage.mounted(volume, first, 1n);
  await writeSynced(half, await openFile(half, volume), "a", 1);
  expect(await strategy.observe(stage.op, volume)).toMatchObject({ exists: true });
});

test("control row: without a fence, a former holder's late writes replace the successor's", async () => {
  const volume = await volumeOf();
  await untilLateWritesLand(await takeOver({ world, stage, strategy }, volume, async () => undefined));
});

test("control row: removing the session alone is no fence, the client comes back with a new one and writes", async () => {
  const [first] = world.agents;
  const volume = await volumeOf();
  // Nothing under way: a write that failed makes those after it fail too, as long as they come without a pause.
  const remove = () => removeSession(first.address);
  const takeover = await takeOver({ world, stage, strategy }, volume, remove, { inFlight: false });
  await until(
    "the client to come back",
    async () => new RegExp(`^active.*\\t${first.address}\\t`, "m").test(await world.cluster.cli("-SMS")),
    { timeoutMs: 30_000, intervalMs: 200 },
  );
  await untilLateWritesLand(takeover);
}, 300_000);

test("a fenced holder cannot write any more, and stays out until it is let back in", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const untouched = await volumeOf();
  const takeover = await takeOver({ world, stage, strategy }, volume, "fence");
  expect(takeover.receipt).toMatchObject({ fencedEpoch: 1n, agent: first.id, byEpoch: 2n });
  expect(takeover.receipt?.evidence).toContain(`not writable for ${first.address}`);
  expect(takeover.receipt?.evidence).toMatch(/sessions removed: \d+ of /);
  expect(takeover.receipt?.evidence).toContain(`none of ${first.address}`);
  expect(takeover.fenceMs).toBeLessThan(20_000);
  await refusals(takeover, /EIO/, 5);

  // The fence is of this volume and of no other.
  const elsewhere = await stage.mounted(untouched, first, 1n);
  await writeSynced(elsewhere, await openFile(elsewhere, untouched), "u", 1);
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
});

test("a holder that is cut off from the master alone does not go on at the chunk servers after the fence", async ({
  skip,
}) => {
  skip(everydayRun() !== undefined, everydayRun());
  const [first, second] = world.agents;
  const volume = await volumeOf();
  await strategy.attach(stage.op, volume, first.id, stage.grant(volume, first, 1n));
  const half = await stage.mounted(volume, first, 1n);
  await writeSynced(half, await openFile(half, volume), "a", 2);
  // A stream into one chunk, so that a grant of the master is in use all the time.
  const stream = "while :; do dd if=/dev/zero bs=128k count=64 conv=notrunc status=none; done";
  await half.help("start", { argv: ["sh", "-c", `${stream} 1<> ${volume.mountPath}/file`] });
  await until("the stream to reach the servers", async () => (await readBlock(half, volume)) === "\0", {
    timeoutMs: 20_000,
  });
  await first.drop([world.cluster.master.address]);
  const receipt = await strategy.fence(stage.op, volume, former, stage.grant(volume, second, 2n));
  expect(receipt.evidence).toMatch(/chunk server .*: connections killed: \S+:\d+/);
  const successor = await stage.mounted(volume, second, 2n);
  await writeSynced(successor, await openFile(successor, volume), "B", 2);
  const seen: string[] = [];
  await until(
    "ten looks at the successor's bytes",
    async () => {
      seen.push(`${await readBlock(successor, volume)}${await readBlock(successor, volume, 1)}`);
      return seen.length >= 10;
    },
    { timeoutMs: 60_000, intervalMs: 500 },
  );
  await first.heal();
  await half.kill();
  seen.push(`${await readBlock(successor, volume)}${await readBlock(successor, volume, 1)}`);
  expect([...new Set(seen)]).toEqual(["BB"]);
}, 300_000);

test("a claim of a dead client outlives a lease, and a fence frees it at once", async () => {
  const [first, second] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  await half.help("lock", { path: `${volume.mountPath}/lock` });
  await first.cut();
  await half.kill();
  const successor = await stage.mounted(volume, second, 2n);
  // The master has noticed, and keeps the lock all the same.
  await until("the session to be inactive", async () => (await world.cluster.cli("-SMS")).includes("inactive"), {
    timeoutMs: 30_000,
  });
  expect(await successor.help("lock", { path: `${volume.mountPath}/lock` })).toBeNull();
  await strategy.fence(stage.op, volume, former, stage.grant(volume, second, 2n));
  expect(await successor.help("lock", { path: `${volume.mountPath}/lock` })).not.toBeNull();
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

  const successor = await stage.mounted(volume, second, 2n);
  await writeSynced(successor, await openFile(successor, volume), "B", 64);
  await first.heal();
  // A new client there proves that the agent is back on the network.
  const back = await stage.mounted(volume, first, 3n);
  for (const block of [0, 63]) {
    expect(await readBlock(back, volume, block)).toBe("B");
    expect(await readBlock(successor, volume, block)).toBe("B");
  }
});

test("cut finds and ends a client that no tree ended", async () => {
  const [first] = world.agents;
  const volume = await volumeOf();
  const half = await stage.mounted(volume, first, 1n);
  await writeSynced(half, await openFile(half, volume), "a", 1);
  const outside = await stage.outside(first);
  expect(await outside.cut(volume)).toMatchObject({
    kind: "cut",
    evidence: expect.stringMatching(/process \d+ killed/),
  });
  await expect(readBlock(half, volume)).rejects.toThrow(/ENOTCONN|ECONNABORTED/);
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

test("says what the master's settings do to a dead client's locks, and who cannot be reached for a fence", async () => {
  const volume = await volumeOf({ sessionSustainSeconds: 60, chunkServerControl: {} });
  const findings = (await strategy.inspect?.(stage.op, volume)) ?? [];
  expect(findings.map(({ code }) => code).sort()).toEqual([
    "MOOSEFS_CHUNK_SERVERS_NOT_ADMINISTERED",
    "MOOSEFS_SESSION_SUSTAIN",
  ]);
  const { settings, statements } = strategy.explain(volume);
  expect(settings).toContainEqual(expect.objectContaining({ name: "SESSION_SUSTAIN_TIME", value: "60" }));
  expect(statements.join(" ")).toContain("waits 30000 ms");
  const half = await stage.mounted(volume, world.agents[0], 1n);
  expect(await half.check(volume, {})).toMatchObject({ state: "clean" });
});

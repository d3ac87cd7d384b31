import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Bench, formerOf, openBench, readText, writeSynced } from "./support/bench.js";

/*
 * A holder is cut off the network with writes in flight, its tree is killed, another agent fences it and takes over, and
 * then the network comes back.
 */

const ROWS = [
  ["nbdkit", "ext4"],
  ["nbd-server", "ext4"],
  ["qemu-nbd", "ext4"],
  ["nbdkit", "xfs"],
] as const;

const MIB = 1024 * 1024;
const OLD = "old holder ";
const NEW = "new holder ";

describe.each(ROWS)("%s, %s", (server, fs) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(server, fs);
  });
  afterAll(() => bench?.close());
  afterEach(async () => {
    for (const agent of bench.world.agents) await agent.heal();
  });

  test("a clean move keeps what was written, and leaves nothing attached", async () => {
    const volume = await bench.volume();
    const [a, b] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "kept", "written under epoch 1");
    await first.half.unmount(volume);
    await first.half.release(volume);
    await bench.strategy.detach(bench.op, volume, a.id);
    expect((await bench.strategy.observe(bench.op, volume)).detail).toMatchObject({ processes: [], sessions: [] });
    const second = await bench.hold(volume, b, 2n);
    expect(await readText(second, "kept", 21)).toBe("written under epoch 1");
  });

  test("a late write of a fenced holder, buffered or direct, is not there after healing", async () => {
    const volume = await bench.volume();
    const [a, b] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "buffered", OLD.repeat(1_000));
    await writeSynced(first, "direct", OLD.repeat(1_000));
    const { half, data } = first;
    const buffered = await half.help("open", { path: `${data}/buffered` });
    const direct = await half.help("open", { path: `${data}/direct`, direct: true });
    await a.cut();
    const late = "late write ";
    await half.help("write", { file: buffered, position: 0, pattern: late, length: 4 * MIB });
    // Neither returns: they wait for the server, and are what the kernel still has on its way.
    const hanging = [
      half.help("fsync", { file: buffered }, { timeoutMs: 500 }),
      half.help("write", { file: direct, position: 0, pattern: late, length: MIB }, { timeoutMs: 500 }),
    ];
    for (const result of await Promise.allSettled(hanging)) expect(result.status).toBe("rejected");
    expect(await half.kill()).toEqual({ kind: "gone" });
    const outside = await bench.half(a, "none");
    const cut = await outside.cut(volume);
    expect(cut).toMatchObject({ kind: "cut" });

    const second = await bench.hold(volume, b, 2n, { former: [formerOf(first)] });
    await writeSynced(second, "buffered", NEW.repeat(1_000));
    await writeSynced(second, "direct", NEW.repeat(1_000));
    await a.heal();
    // A segment that was still on its way would be there by the first retransmission.
    const limitMs = performance.now() + 5_000;
    while (performance.now() < limitMs) {
      for (const name of ["buffered", "direct"]) {
        expect(await readText(second, name, NEW.length * 1_000)).toBe(NEW.repeat(1_000));
      }
    }
  });

  test("the same holds when the holder is only fenced, and lives on", async () => {
    const volume = await bench.volume();
    const [a, b] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "file", OLD.repeat(1_000));
    const { half, data } = first;
    const file = await half.help("open", { path: `${data}/file` });
    await a.cut();
    await half.help("write", { file, position: 0, pattern: "late write ", length: MIB });
    const second = await bench.hold(volume, b, 2n, { former: [formerOf(first)] });
    await writeSynced(second, "file", NEW.repeat(1_000));
    await a.heal();
    await expect(half.help("fsync", { file }, { timeoutMs: 60_000 })).rejects.toMatchObject({
      message: /EIO|ENOTCONN/,
    });
    expect(await readText(second, "file", NEW.length * 1_000)).toBe(NEW.repeat(1_000));
    // Its connection is refused from now on, under the name that it knows.
    await expect(half.prepare(volume, first.context, first.grant)).rejects.toMatchObject({
      code: expect.stringMatching(/^(STALE_EPOCH|BUSY)$/),
    });
    expect(await readText(second, "file", NEW.length * 1_000)).toBe(NEW.repeat(1_000));
  });

  test("older epochs and other agents are refused, and the receipt shows the server's tables", async () => {
    const volume = await bench.volume();
    const [a, b] = bench.world.agents;
    const { strategy, op } = bench;
    const first = await bench.hold(volume, a, 5n, { format: true });
    const second = bench.grant(volume, b, 6n);
    await expect(strategy.attach(op, volume, b.id, second)).rejects.toMatchObject({
      code: "HELD_BY_OTHER",
      retryable: true,
      detail: { agent: a.id, epoch: "5" },
    });
    await expect(strategy.attach(op, volume, b.id, bench.grant(volume, b, 4n))).rejects.toMatchObject({
      code: "STALE_EPOCH",
    });
    await expect(strategy.detach(op, volume, a.id)).rejects.toMatchObject({ code: "BUSY" });
    const receipt = await strategy.fence(op, volume, formerOf(first), second);
    expect(receipt).toMatchObject({ fencedEpoch: 5n, byEpoch: 6n, agent: a.id, strategy: "nbd" });
    expect(receipt.evidence).toContain("processes: none");
    expect(receipt.evidence).toContain("connections: none");
    await expect(strategy.attach(op, volume, a.id, bench.grant(volume, a, 5n))).rejects.toMatchObject({
      code: "STALE_EPOCH",
    });
    await expect(strategy.attach(op, volume, a.id, bench.grant(volume, a, 7n))).rejects.toMatchObject({
      code: "DENIED",
    });
    await strategy.unfence(op, volume, a.id);
    await strategy.attach(op, volume, a.id, bench.grant(volume, a, 7n));
    await expect(strategy.fence(op, volume, { agent: b.id, epoch: 5n, bootId: null }, second)).rejects.toMatchObject({
      code: "STALE_EPOCH",
    });
  });
});

import { everydayRun } from "@holdfast/testkit/vitest";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Bench, type Holder, openBench, readText, writeSynced } from "./support/bench.js";

/* What happens when the server hangs, restarts or fills up, and when replies are lost. */

const TEXT = "acknowledged ".repeat(200);
const MIB = 1024 * 1024;

describe("a client in user space", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench("nbdkit", "ext4");
  });
  afterAll(() => bench?.close());
  afterEach(async () => {
    for (const agent of bench.world.agents) await agent.heal();
  });

  test("a server that hangs holds up neither the end of the tree nor the cut", async () => {
    const volume = await bench.volume();
    const [a] = bench.world.agents;
    const holder = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(holder, "kept", TEXT);
    const file = await holder.half.help("open", { path: `${holder.data}/kept` });
    await bench.world.servers.hang();
    try {
      await holder.half.help("write", { file, position: 0, pattern: "x", length: MIB });
      await expect(holder.half.help("fsync", { file }, { timeoutMs: 500 })).rejects.toMatchObject({
        code: "UNKNOWN_OUTCOME",
      });
      expect(await holder.half.kill()).toEqual({ kind: "gone" });
      const outside = await bench.half(a, "none");
      const { cutMsMax } = bench.strategy.capabilities(volume);
      const cut = await outside.cut(volume, { timeoutMs: cutMsMax });
      expect(cut).toMatchObject({ kind: "cut", evidence: expect.stringMatching(/nothing is left$/) });
    } finally {
      await bench.world.servers.resume();
    }
  });

  test("a server that comes back serves the same export to the same agent, and its journal is whole", async () => {
    const volume = await bench.volume();
    const [a] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "kept", TEXT);
    await bench.world.servers.kill();
    await expect(writeSynced(first, "lost", TEXT)).rejects.toThrow();
    await first.half.unmount(volume);
    await first.half.release(volume);
    expect((await bench.strategy.observe(bench.op, volume)).detail).toMatchObject({ serving: false });
    await bench.world.servers.start();
    expect((await bench.strategy.observe(bench.op, volume)).detail).toMatchObject({ serving: true });
    const { half, context, grant } = first;
    await half.prepare(volume, context, grant);
    await half.repair(volume, context, grant, "safe");
    await half.mount(volume, context, grant);
    expect(await readText(first, "kept", TEXT.length)).toBe(TEXT);
  });

  test("a full disk below the image fails the write that does not fit, and nothing that was acknowledged", async () => {
    const volume = await bench.volume();
    const [a] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "kept", TEXT);
    const free = await bench.world.servers.fill?.(volume);
    if (free === undefined) throw new Error("this world cannot be filled");
    const file = await first.half.help("open", { path: `${first.data}/large`, create: true });
    const large = first.half.help("write", { file, position: 0, pattern: "fill ", length: 64 * MIB });
    await expect(large.then(() => first.half.help("fsync", { file }))).rejects.toMatchObject({
      message: expect.stringMatching(/ENOSPC|EIO|EROFS/),
    });
    await first.half.kill();
    await free();
    const second = await bench.hold(volume, a, 2n);
    expect(await readText(second, "kept", TEXT.length)).toBe(TEXT);
    await writeSynced(second, "after", TEXT);
  });

  test("a detach whose reply was lost is made up for by the next holder's plan", async () => {
    const volume = await bench.volume();
    const [a, b] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "kept", TEXT);
    await first.half.unmount(volume);
    await first.half.release(volume);
    // No detach was seen to be done. The plan for b, with nobody to fence, holds one.
    const second = await bench.hold(volume, b, 2n);
    expect(await readText(second, "kept", TEXT.length)).toBe(TEXT);
  });
});

describe("qemu's client, which reconnects", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench("nbdkit", "ext4", { volumeOptions: { client: "qemu", reconnectMs: 60_000 } });
  });
  afterAll(() => bench?.close());
  afterEach(async () => {
    for (const agent of bench.world.agents) await agent.heal();
  });

  test("writes wait for a server that restarts, and none is lost", async () => {
    const volume = await bench.volume();
    const [a, b] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "before", TEXT);
    await bench.world.servers.kill();
    const during = writeSynced(first, "during", TEXT);
    await bench.world.servers.start();
    await during;
    await leave(bench, volume, first);
    const second = await bench.hold(volume, b, 2n);
    for (const name of ["before", "during"]) expect(await readText(second, name, TEXT.length)).toBe(TEXT);
  });

  test("it does not reconnect after a fence: the name that it knows is gone", async ({ skip }) => {
    skip(everydayRun() !== undefined, everydayRun());
    const volume = await bench.volume();
    const [a, b] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "file", TEXT);
    const file = await first.half.help("open", { path: `${first.data}/file` });
    await a.cut();
    await first.half.help("write", { file, position: 0, pattern: "late ", length: MIB });
    const second = await bench.hold(volume, b, 2n, { former: [{ agent: a.id, epoch: 1n, bootId: null }] });
    await a.heal();
    await expect(first.half.help("fsync", { file }, { timeoutMs: 90_000 })).rejects.toMatchObject({
      message: expect.stringMatching(/EIO/),
    });
    expect(await readText(second, "file", TEXT.length)).toBe(TEXT);
  });
});

async function leave(bench: Bench, volume: Parameters<Bench["take"]>[0], { half, grant }: Holder): Promise<void> {
  await half.unmount(volume);
  await half.release(volume);
  await bench.strategy.detach(bench.op, volume, grant.agent);
}

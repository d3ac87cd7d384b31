import { execFile } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import type { CheckResult, Volume } from "@holdfast/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bench, type Holder, openBench, readText, writeSynced } from "./support/bench.js";

/*
 * File systems as they are found after an accident. Damage is done to the image at the server, while nothing is attached.
 */

const TEXT = "acknowledged ".repeat(200);
/** e2fsck(8): errors were corrected. */
const CORRECTED = 1;

let bench: Bench;

describe.each(["ext4", "xfs"] as const)("%s", (fs) => {
  beforeAll(async () => {
    bench = await openBench("nbdkit", fs);
  });
  afterAll(() => bench?.close());

  /** A volume with data on it, cleanly released. */
  async function used(): Promise<Volume> {
    const volume = await bench.volume();
    const holder = await bench.hold(volume, bench.world.agents[0], 1n, { format: true });
    await writeSynced(holder, "kept", TEXT);
    await leave(volume, holder);
    return volume;
  }

  test("a server that is killed while it is written to leaves a journal, which is replayed", async () => {
    const volume = await bench.volume();
    const [a, b] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "kept", TEXT);
    const { application } = await first.half.help("start", {
      argv: ["dd", "if=/dev/zero", `of=${first.data}/torrent`, "bs=64k", "count=100000", "oflag=sync"],
    });
    await expect.poll(() => first.half.help("list", { path: first.data })).toContain("torrent");
    await bench.world.servers.kill();
    await expect
      .poll(async () => (await first.half.help("look", { application })).ended, { timeout: 20_000 })
      .toBe("exit code 1");
    expect(await first.half.kill()).toEqual({ kind: "gone" });
    await bench.world.servers.start();

    const grant = bench.grant(volume, b, 2n);
    const context = await bench.take(volume, grant, [{ agent: a.id, epoch: 1n, bootId: null }]);
    const half = await bench.half(b);
    await half.prepare(volume, context, grant);
    const found = await half.check(volume, context);
    expect(found).toMatchObject({ state: "needs-repair", safeToRepair: true });
    expect(found.findings[0]).toMatch(fs === "ext4" ? /^DIRTY_JOURNAL/ : /^DIRTY_LOG/);
    expect(await half.repair(volume, context, grant, "safe")).toMatchObject({ state: "clean" });
    await half.mount(volume, context, grant);
    const second = { agent: b, grant, context, half, data: first.data };
    expect(await readText(second, "kept", TEXT.length)).toBe(TEXT);
    await writeSynced(second, "after", TEXT);
  });

  test("a superblock that is gone is damage and not a blank device: it is neither formatted nor repaired unasked", async () => {
    const volume = await used();
    zero(volume, 4_096);
    const { half, context, grant, check } = await found(volume);
    expect(check).toMatchObject({ state: "damaged", safeToRepair: false });
    expect(check.findings[0]).toMatch(/^NO_SUPERBLOCK/);
    await expect(half.format(volume, context, grant)).rejects.toMatchObject({ code: "INCOMPATIBLE" });
    await expect(half.repair(volume, context, grant, "safe")).rejects.toMatchObject({ code: "NEEDS_REPAIR" });
    await half.release(volume);
    await bench.strategy.detach(bench.op, volume, grant.agent);
    // The printed command, as a person would paste it.
    const { exitCode } = await shell(check.command ?? "");
    expect(exitCode).toBe(fs === "ext4" ? CORRECTED : 0);
    const again = await bench.hold(volume, bench.world.agents[0], 3n);
    expect(await readText(again, "kept", TEXT.length)).toBe(TEXT);
  });

  test("a blank device is told from a damaged one, and is formatted once", async () => {
    const volume = await bench.volume();
    const { half, context, grant, check } = await found(volume);
    expect(check.findings).toEqual([expect.stringMatching(/^BLANK/)]);
    await half.format(volume, context, grant);
    await half.format(volume, context, grant);
    expect((await half.check(volume, context)).state).toBe("clean");
    const other = { ...grant, run: "another-run" };
    await expect(half.format(volume, context, other)).rejects.toMatchObject({ code: "INCOMPATIBLE" });
  });

  test("another file system than the one asked for is left alone", async () => {
    const volume = await used();
    const asked = { ...volume, options: { ...(volume.options as object), fsType: fs === "ext4" ? "xfs" : "ext4" } };
    const { half, context, grant, check } = await found(asked);
    expect(check.findings).toEqual([expect.stringMatching(/^WRONG_FILE_SYSTEM/)]);
    await expect(half.repair(asked, context, grant, "safe")).rejects.toMatchObject({ code: "NEEDS_REPAIR" });
    await expect(half.mount(asked, context, grant)).rejects.toMatchObject({ code: "NEEDS_REPAIR" });
  });

  test.runIf(fs === "ext4")("what preen may correct is corrected without a person", async () => {
    const volume = await used();
    await debugfs(volume, "clri <13>");
    await debugfs(volume, "set_super_value state 2");
    const { half, context, grant, check } = await found(volume);
    expect(check).toMatchObject({ state: "needs-repair", safeToRepair: true });
    expect(await half.repair(volume, context, grant, "safe")).toMatchObject({ state: "clean" });
    await half.mount(volume, context, grant);
  });

  test.runIf(fs === "ext4")(
    "what preen may not correct stops with the command to go on with, which helps",
    async () => {
      const volume = await used();
      await debugfs(volume, "clri <2>");
      await debugfs(volume, "set_super_value state 2");
      const { half, context, grant } = await found(volume);
      const refusal = await half.report("repair", [volume, context, grant, "safe"]);
      expect(refusal.error).toMatchObject({ code: "NEEDS_REPAIR" });
      const command = String(refusal.error?.detail.command);
      // Attached, it is refused: a repair under a client destroys what it repairs.
      expect((await shell(command)).stdout).toContain('"code":"BUSY"');
      await half.release(volume);
      await bench.strategy.detach(bench.op, volume, grant.agent);
      expect((await shell(command)).exitCode).toBe(CORRECTED);
      await bench.hold(volume, bench.world.agents[0], 3n);
    },
  );

  test.runIf(fs === "ext4")("after a person's word the node side repairs it, too", async () => {
    const volume = await used();
    await debugfs(volume, "clri <2>");
    await debugfs(volume, "set_super_value state 2");
    const { half, context, grant } = await found(volume);
    expect(await half.repair(volume, context, grant, "force")).toMatchObject({ state: "clean" });
    await half.mount(volume, context, grant);
  });
});

async function leave(volume: Volume, { half, grant }: Holder): Promise<void> {
  await half.unmount(volume);
  await half.release(volume);
  await bench.strategy.detach(bench.op, volume, grant.agent);
}

/** The next run's look at it. */
async function found(volume: Volume) {
  const [a] = bench.world.agents;
  const grant = bench.grant(volume, a, 2n);
  const context = await bench.take(volume, grant);
  const half = await bench.half(a);
  await half.prepare(volume, context, grant);
  const check: CheckResult = await half.check(volume, context);
  return { half, grant, context, check };
}

function zero({ service }: Volume, bytes: number): void {
  const image = openSync(bench.world.machine.imageOf(service), "r+");
  writeSync(image, Buffer.alloc(bytes), 0, bytes, 0);
  closeSync(image);
}

async function debugfs({ service }: Volume, request: string): Promise<void> {
  const { exitCode, stdout } = await run("debugfs", ["-w", "-R", request, bench.world.machine.imageOf(service)]);
  if (exitCode !== 0) throw new Error(stdout);
}

const shell = (line: string) => run("sh", ["-c", line]);

function run(command: string, args: readonly string[]): Promise<{ exitCode: number; stdout: string }> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { timeout: 60_000, killSignal: "SIGKILL" }, (_, stdout) =>
      resolve({ exitCode: child.exitCode ?? -1, stdout }),
    );
    child.stdin?.end(); // the way to the server passes standard input on, and so waits for its end
  });
}

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Guarded, guard, isRoot, markedVolume, nowMs, scratch, until, volumeConfig } from "./support/harness.js";
import {
  bindMount,
  has,
  makeReadOnly,
  mountFreezable,
  mountFuse,
  mountTmpfs,
  mountUnanswered,
  unmount,
} from "./support/mounts.js";

/** Holds the claim as a process of another run would; resolves once it is held. */
async function holdClaim(path: string): Promise<() => void> {
  const file = join(scratch(), "held");
  const holder = spawn("flock", ["-n", join(path, ".holdfast/claim"), "sh", "-c", `touch ${file}; exec sleep 1000`]);
  onTestFinished(() => void holder.kill("SIGKILL"));
  await until("the claim is held", () => existsSync(file));
  // flock(1) and its child share the lock: both have to go.
  return () => {
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "latin1").trim().split(" ");
    for (const pid of [...children.map(Number), holder.pid ?? 0]) process.kill(pid, "SIGKILL");
  };
}

const isClaimed = (path: string): boolean =>
  spawnSync("flock", ["-n", join(path, ".holdfast/claim"), "true"]).status !== 0;
const writeEpoch = (path: string, epoch: string): void =>
  writeFileSync(
    join(path, ".holdfast/epoch.json"),
    JSON.stringify({ v: 1, epoch, run: "run-0", agent: "agent-0", leaseMs: 3_000, at: new Date().toISOString() }),
  );

async function refused(run: Guarded, code: string, exitCode: number): Promise<void> {
  expect(await run.ended).toMatchObject({ code: exitCode });
  expect(run.outcome().report).toMatchObject({ code, origin: "holdfast" });
  expect(run.outcome().report.hint).not.toBe("");
  expect(run.events()).toEqual([]);
}

describe("before the lease is asked for", () => {
  const cases = [
    ["is not there", "VOLUME_MISSING", 81, (path: string) => rmSync(path, { recursive: true })],
    [
      "is a file",
      "VOLUME_MISSING",
      81,
      (path: string) => {
        rmSync(path, { recursive: true });
        writeFileSync(path, "");
      },
    ],
    ["is empty and unmarked", "VOLUME_UNMARKED", 82, () => undefined],
    ["holds data and is unmarked", "VOLUME_UNMARKED", 82, (path: string) => writeFileSync(join(path, "ibdata1"), "")],
    ["belongs to another service", "IDENTITY_MISMATCH", 82, (path: string) => void markedVolume(path, "other-db")],
    [
      "has a damaged mark",
      "RECORD_INVALID",
      78,
      (path: string) => writeFileSync(join(markedVolume(path), ".holdfast/volume.json"), "{"),
    ],
    ["has no claim file", "VOLUME_UNMARKED", 82, (path: string) => rmSync(join(markedVolume(path), ".holdfast/claim"))],
    [
      "has its mark behind a link",
      "VOLUME_IO_ERROR",
      81,
      (path: string) => symlinkSync(`${markedVolume(scratch())}/.holdfast`, join(path, ".holdfast")),
    ],
  ] as const;
  test.each(cases)(
    "a volume that %s is %s, exit %i; nothing is started or written",
    async (_, code, exitCode, prepare) => {
      const path = scratch();
      prepare(path);
      const before = existsSync(path) && code !== "VOLUME_MISSING" ? readdirSync(path, { recursive: true }).sort() : [];
      const run = guard({ config: volumeConfig(path) });
      await refused(run, code, exitCode);
      expect(run.heard("acquire")).toEqual([]);
      if (before.length > 0) expect(readdirSync(path, { recursive: true }).sort()).toEqual(before);
    },
  );

  test("a directory on which nothing is mounted is refused when it must be a mount point", async () => {
    const path = markedVolume(scratch());
    const config = volumeConfig(path, { mustBeMounted: true });
    await refused(guard({ config }), "VOLUME_MISSING", 81);
    if (!isRoot) return;
    // A bind mount has its parent's device and is a mount point all the same.
    const run = guard({ config: volumeConfig(bindMount(path), { mustBeMounted: true }), modes: ["exit=0"] });
    expect(await run.ended).toMatchObject({ code: 0 });
  });

  test("a volume that does not answer is given up in time", async (context) => {
    context.skip(!isRoot, "mounting needs root");
    const path = await mountUnanswered();
    const fromMs = nowMs();
    const run = guard({ config: volumeConfig(path, { timeoutMs: 700 }) });
    await refused(run, "VOLUME_HUNG", 81);
    expect(nowMs() - fromMs).toBeLessThan(5_000);
    expect(run.heard("acquire")).toEqual([]);
  });
});

describe("under the grant", () => {
  test("claims the volume, writes its epoch, and tells the application where its data is", async () => {
    const path = markedVolume(scratch());
    writeEpoch(path, "6");
    const run = guard({ config: volumeConfig(path) });
    await run.running();
    expect(run.heard("acquire").at(0)).toMatchObject({ volume: { epoch: "6", leaseMs: 3_000 } });
    expect(JSON.parse(readFileSync(join(path, ".holdfast/epoch.json"), "utf8"))).toMatchObject({
      v: 1,
      epoch: "7",
      run: "run-1",
      agent: "agent-1",
      leaseMs: 3_000,
    });
    expect(isClaimed(path)).toBe(true);
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(isClaimed(path)).toBe(false);
    const environment = guard({ config: volumeConfig(path), modes: ["environment"] });
    await environment.ended;
    expect(JSON.parse(readFileSync(environment.data, "utf8")).HOLDFAST_DATA_DIR).toBe(join(path, "data"));
    expect(environment.stderr()).toContain(
      "protection: pid-namespace + claim + deadline-init; grade lease-only; worst case takeover 3.8 s",
    );
  });

  test("a volume that has seen a higher epoch than the grant's is left alone, and the lease is given back", async () => {
    const path = markedVolume(scratch());
    writeEpoch(path, "9");
    const before = readFileSync(join(path, ".holdfast/epoch.json"), "utf8");
    const run = guard({ config: volumeConfig(path) });
    await refused(run, "STALE_EPOCH", 82);
    expect(run.outcome().report.released).toBe(true);
    expect(readFileSync(join(path, ".holdfast/epoch.json"), "utf8")).toBe(before);
    expect(existsSync(join(path, ".holdfast/probe"))).toBe(false);
  });

  test("the history record comes before the volume's epoch, and without it nothing starts", async () => {
    const path = markedVolume(scratch());
    const run = guard({ config: { ...volumeConfig(path), attachTimeoutMs: 900 }, behaviour: { history: "fail" } });
    await refused(run, "STORE_UNREACHABLE", 69);
    expect(run.heard("history").length).toBeGreaterThan(1);
    expect(existsSync(join(path, ".holdfast/epoch.json"))).toBe(false);
    expect(run.outcome().report.released).toBe(true);
  });

  test("a read-only volume is refused", async (context) => {
    context.skip(!isRoot, "mounting needs root");
    const path = bindMount(markedVolume(scratch()));
    makeReadOnly(path);
    await refused(guard({ config: volumeConfig(path) }), "VOLUME_READ_ONLY", 81);
  });

  test("a claim that another process holds: not waited for, exit 79, and a successor needs a fence", async () => {
    const path = markedVolume(scratch());
    writeEpoch(path, "6");
    await holdClaim(path);
    const run = guard({ config: { ...volumeConfig(path), claimWaitMs: 0 } });
    await refused(run, "CLAIM_HELD", 79);
    expect(run.heard("release").at(0)?.state).toMatchObject({ kind: "yield" });
    expect(run.heard("release").at(0)?.state?.needsFence).toContain("run run-0 on agent agent-0, epoch 6");
    expect(JSON.parse(readFileSync(join(path, ".holdfast/epoch.json"), "utf8")).epoch).toBe("6");
  });

  test("a claim that another process holds: waited for under renewals, then taken", async () => {
    const path = markedVolume(scratch());
    writeEpoch(path, "6");
    const free = await holdClaim(path);
    const run = guard({ config: volumeConfig(path) });
    await until("it waits", () =>
      run.stderr().includes("is held by another process; its last holder was run run-0 on agent agent-0"),
    );
    const renewals = run.heard("renew").length;
    await until("the lease is kept", () => run.heard("renew").length > renewals + 10, 20_000);
    expect(run.events()).toEqual([]);
    free();
    await run.running();
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 0 });
  });

  test("waiting for a claim has its limit", async () => {
    const path = markedVolume(scratch());
    await holdClaim(path);
    const fromMs = nowMs();
    const run = guard({ config: { ...volumeConfig(path), claimWaitMs: 600 } });
    await refused(run, "CLAIM_HELD", 79);
    expect(nowMs() - fromMs).toBeGreaterThan(600);
  });
});

describe.runIf(isRoot)("while the application runs", () => {
  async function running(path: string, more: Parameters<typeof volumeConfig>[1] = {}): Promise<Guarded> {
    // Its heartbeat lies elsewhere, so that it is not the application that notices.
    const run = guard({ config: volumeConfig(path, more), modes: ["deaf"] });
    await run.running();
    return run;
  }

  async function endsWith(run: Guarded, code: string): Promise<void> {
    expect(await run.ended).toMatchObject({ code: 81 });
    expect(run.outcome().report).toMatchObject({ code, origin: "holdfast" });
    // The lease was kept until the tree was dead.
    const release = run.heard("release").at(0);
    expect(run.beats().at(-1) ?? 0).toBeLessThan(release?.atMs ?? 0);
  }

  test("unmounted", async () => {
    const path = mountTmpfs();
    markedVolume(path);
    const run = await running(path);
    unmount(path);
    await endsWith(run, "VOLUME_MISSING");
  });

  test("covered by another file system", async () => {
    const path = mountTmpfs();
    markedVolume(path);
    const run = await running(path);
    mountTmpfs(path);
    await endsWith(run, "VOLUME_CHANGED");
  });

  test("reached through a link, and unmounted where it really lies", async () => {
    const path = mountTmpfs();
    markedVolume(path);
    const link = join(scratch(), "link");
    symlinkSync(path, link);
    const run = await running(link);
    unmount(path);
    await endsWith(run, "VOLUME_MISSING");
  });

  test("turned read-only", async () => {
    const path = bindMount(markedVolume(scratch()));
    const run = await running(path);
    makeReadOnly(path);
    await endsWith(run, "VOLUME_READ_ONLY");
  });

  test("its mark's directory removed: the probe finds out", async () => {
    const path = markedVolume(scratch());
    const run = await running(path);
    rmSync(join(path, ".holdfast"), { recursive: true });
    await endsWith(run, "VOLUME_MISSING");
  });

  test("full: a warning, because what to do about it is the application's business", async () => {
    const path = mountTmpfs(scratch(), "256k");
    markedVolume(path);
    const run = await running(path);
    // The probe keeps its own block, so it has to be taken away before there is none for it.
    const fill = () =>
      spawnSync("dd", ["if=/dev/zero", `of=${join(path, "fill")}`, "bs=4k", "oflag=append", "conv=notrunc"]);
    await until("it is said", () => {
      rmSync(join(path, ".holdfast/probe"), { force: true });
      expect(fill().status).toBe(1);
      return run.stderr().includes(`The volume ${path} is full`);
    });
    rmSync(join(path, "fill"));
    const count = run.beats().length;
    await until("it lives on", () => run.beats().length > count + 50);
    run.process.kill("SIGKILL");
  });

  test("hung so that SIGKILL does not end who waits for it: exit 81, nothing released, a fence is needed", async () => {
    const volume = mountFreezable();
    markedVolume(volume.path);
    const run = await running(volume.path, { timeoutMs: 600 });
    const frozenMs = nowMs();
    volume.freeze();
    expect(await run.ended).toMatchObject({ code: 81 });
    expect(run.outcome().report).toMatchObject({ code: "VOLUME_HUNG" });
    const release = run.heard("release").at(0);
    expect(release?.state).toMatchObject({ kind: "yield" });
    expect(release?.state?.needsFence).toContain("outlived SIGKILL");
    // Renewed as long as it was not known what to say of the tree.
    expect(run.heard("renew").at(-1)?.atMs).toBeGreaterThan(frozenMs + 600);
    expect(run.beats().at(-1)).toBeLessThan(frozenMs + 300 + 600 + 1_500);
    volume.thaw();
  });

  test("on a file system that is not local, its data is settled before the release", async (context) => {
    context.skip(!has("bindfs"), "bindfs is not installed");
    const volume = await mountFuse();
    markedVolume(volume.path);
    const run = await running(volume.path);
    expect(run.heard("config").at(0)?.settle).toMatchObject({ command: [expect.any(String), "sync", volume.path] });
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 137 });
    expect(run.heard("release").at(0)?.state).toEqual({ kind: "released" });
  });

  test("on a file system that is not local and hangs, nothing is released: a fence is needed", async (context) => {
    context.skip(!has("bindfs"), "bindfs is not installed");
    const volume = await mountFuse();
    markedVolume(volume.path);
    const run = await running(volume.path, { timeoutMs: 600 });
    volume.stop();
    expect(await run.ended).toMatchObject({ code: 81 });
    expect(run.outcome().report).toMatchObject({ code: "VOLUME_HUNG" });
    expect(run.heard("release").at(0)?.state).toMatchObject({ kind: "yield" });
    volume.resume();
  });
});

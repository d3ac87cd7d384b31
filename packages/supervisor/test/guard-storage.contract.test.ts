// A run whose volume is brought by a strategy, with real processes and a real mount in the storage tree's namespace. Every
// death and stop is judged by the application's heartbeats, by what the storage double and the lock process wrote down on
// the clock that all of them share, and by every mount table of the machine.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SHORT_TIMING } from "./support/config.js";
import { isLive, isRoot, nowMs, stateOf, until } from "./support/harness.js";
import { guardWithStorage, mountsOf, type StorageRun } from "./support/storage-harness.js";

const CUT_MS = SHORT_TIMING.leaseMs - SHORT_TIMING.marginMs;
/** A heartbeat is stamped, then written; a timer in the kernel fires a little late. */
const TOLERANCE_MS = 30;

/** For what starts programs of its own. */
const LONG_MS = 30_000;

/** Both inits are gone, and with the last process of their mount namespace what was mounted in it. */
async function bothGone(run: StorageRun, inits: readonly number[], limitMs = 10_000): Promise<void> {
  await until("both trees are gone", () => inits.every((pid) => !isLive(pid)), limitMs);
  await until("the mount is gone", () => mountsOf(run.volume).length === 0);
  const beats = run.beats().length;
  const sinceMs = nowMs();
  await until("nothing is written any more", () => nowMs() - sinceMs > 100);
  expect(run.beats()).toHaveLength(beats);
}

const initsOf = (run: StorageRun): readonly number[] => [run.initPid(), run.storageInitPid()];

/** The cut program ran once, and nothing of either tree executed any more. */
function cutAfterTheEnd(run: StorageRun): void {
  expect(run.storage("cut")).toHaveLength(1);
  expect(run.storage("cut")[0]).toMatchObject({ left: 0 });
}

function released(run: StorageRun): unknown {
  return run.heard("release").at(-1)?.state;
}

describe.runIf(isRoot)("with everything in order", () => {
  test("the application sees the mount and this machine does not; it ends before the volume is unmounted", async () => {
    const run = guardWithStorage();
    await run.running();
    expect(run.heard("tree").length).toBeGreaterThanOrEqual(2);
    expect(new Set(initsOf(run)).size).toBe(2);
    expect(readdirSync(run.volume)).toEqual([]);
    expect(readdirSync(`/proc/${run.initPid()}/root${run.volume}`).sort()).toEqual([".holdfast", "data"]);
    expect(mountsOf(run.volume).length).toBeGreaterThanOrEqual(3);
    const inits = initsOf(run);
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 0 });
    const [unmounted] = run.storage("unmounted");
    expect(run.beats().at(-1)).toBeLessThan(unmounted?.atMs ?? 0);
    expect(unmounted?.atMs).toBeLessThan(run.heard("release")[0]?.atMs ?? 0);
    expect(released(run)).toEqual({ kind: "released" });
    expect(run.storage("cut")).toEqual([]);
    expect(run.outcome().report).toMatchObject({ released: true, protection: expect.stringContaining("double") });
    const parts = run.outcome().report.takeover?.map(({ name }) => name);
    expect(parts).toEqual(["mount", "tree", "verify", "claim", "record", "start"]);
    await bothGone(run, inits);
  });

  test("it stays up beyond its first deadline, and a stop signal to every process at once is the guard's alone", async () => {
    const run = guardWithStorage({ modes: ["slow=100"] });
    await run.running();
    const fromMs = nowMs();
    await until("renewals count", () => (run.beats().at(-1) ?? 0) > fromMs + CUT_MS, 20_000);
    for (const pid of run.everyPid()) if (isLive(pid)) process.kill(pid, "SIGTERM");
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(run.storage("unmounted")).toHaveLength(1);
    expect(released(run)).toEqual({ kind: "released" });
  });

  test("volumes that the operator mounted are left where they are, and both trees stand side by side", async () => {
    const run = guardWithStorage({ storage: { mounts: false }, config: { tree: "subreaper" } });
    await run.running();
    const inits = initsOf(run);
    expect(existsSync(join(run.volume, "data"))).toBe(true);
    process.kill(run.pid, "SIGKILL");
    await until(
      "the lock process releases",
      () => run.lock().some(({ event }) => event === "released-after-guard"),
      LONG_MS,
    );
    cutAfterTheEnd(run);
    await bothGone(run, inits);
    expect(existsSync(join(run.volume, "data"))).toBe(true);
  });
});

describe.runIf(isRoot)("a death", () => {
  test("of the guard ends both trees; the lock process cuts, then releases", async () => {
    const run = guardWithStorage({ modes: ["deaf"] });
    await run.running();
    const inits = initsOf(run);
    const killedAtMs = nowMs();
    process.kill(run.pid, "SIGKILL");
    await until("both trees are gone", () => inits.every((pid) => !isLive(pid)));
    // By the parent's death, not by the deadline.
    expect(nowMs() - killedAtMs).toBeLessThan(CUT_MS - SHORT_TIMING.renewMs);
    await until("the release", () => run.lock().some(({ event }) => event === "released-after-guard"), LONG_MS);
    cutAfterTheEnd(run);
    await bothGone(run, inits);
  });

  test("of the guard while the volumes cannot be cut is no release", async () => {
    const run = guardWithStorage({ modes: ["deaf"], does: { cut: "incomplete" } });
    await run.running();
    process.kill(run.pid, "SIGKILL");
    await until("the yield", () => run.lock().some(({ event }) => event === "yielded-after-guard"), LONG_MS);
    expect(run.lock().some(({ event }) => event === "released-after-guard")).toBe(false);
  });

  test.each(["sentryPid", "initPid"] as const)("of the application's %s: its volume is unmounted", async (which) => {
    const run = guardWithStorage({ modes: ["deaf"] });
    await run.running();
    const inits = initsOf(run);
    process.kill(run[which](), "SIGKILL");
    expect(await run.ended).toMatchObject({ code: 70 });
    expect(run.storage("unmounted")).toHaveLength(1);
    expect(run.storage("cut")).toEqual([]);
    expect(released(run)).toEqual({ kind: "released" });
    await bothGone(run, inits);
  });

  test.each(["storageSentryPid", "storageInitPid"] as const)(
    "of the %s takes the application along; the volume is cut",
    async (which) => {
      const run = guardWithStorage({ modes: ["deaf"] });
      await run.running();
      const inits = initsOf(run);
      const killedAtMs = nowMs();
      process.kill(run[which](), "SIGKILL");
      expect(await run.ended).toMatchObject({ code: 70 });
      expect(run.beats().at(-1)).toBeLessThan(killedAtMs + 1_000);
      cutAfterTheEnd(run);
      expect(released(run)).toEqual({ kind: "released" });
      await bothGone(run, inits);
    },
  );

  test("of the storage process does not disturb the application; at its end the volume is cut", async () => {
    const run = guardWithStorage();
    await run.running();
    const inits = initsOf(run);
    process.kill(run.servePid(), "SIGKILL");
    const fromMs = nowMs();
    await until("renewals go on", () => (run.beats().at(-1) ?? 0) > fromMs + CUT_MS, 20_000);
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(run.storage("down")).toEqual([]);
    cutAfterTheEnd(run);
    expect(released(run)).toEqual({ kind: "released" });
    await bothGone(run, inits);
  });

  test("of the storage process before the volumes are there: nothing is started", async () => {
    const run = guardWithStorage({ does: { up: "exit" } });
    expect(await run.ended).toMatchObject({ code: 70 });
    expect(run.events()).toEqual([]);
    cutAfterTheEnd(run);
    expect(released(run)).toEqual({ kind: "released" });
  });

  test("of the storage process while it unmounts: the volume is cut", async () => {
    const run = guardWithStorage({ does: { down: "exit" } });
    await run.running();
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(run.storage("down")).toHaveLength(1);
    cutAfterTheEnd(run);
    expect(released(run)).toEqual({ kind: "released" });
  });

  test("of the lock process costs nothing: its successor knows both trees, and cuts when the guard dies", async () => {
    const run = guardWithStorage();
    await run.running();
    const first = run.lockPid();
    const inits = initsOf(run);
    process.kill(first, "SIGKILL");
    await until("another renews", () => run.heard("renew").some(({ pid }) => pid !== first));
    const told = run.heard("tree").filter(({ pid }) => pid !== first);
    expect(told.map(({ init }) => init?.pid).sort()).toEqual([...inits].sort());
    process.kill(run.pid, "SIGKILL");
    await until("the release", () => run.lock().some(({ event }) => event === "released-after-guard"), LONG_MS);
    cutAfterTheEnd(run);
    await bothGone(run, inits);
  });
});

describe.runIf(isRoot)("a stop", () => {
  test("of everything ends both trees and the mount at the deadline", async () => {
    const run = guardWithStorage({ modes: ["deaf"] });
    await run.running();
    const inits = initsOf(run);
    const lastRenewalMs = () => run.heard("renew").at(-1)?.atMs ?? run.heard("acquire").at(-1)?.atMs ?? 0;
    const everything = [run.pid, run.sentryPid(), run.storageSentryPid(), ...inits, ...run.everyPid()];
    for (const pid of everything) process.kill(pid, "SIGSTOP");
    await until("they are stopped", () => inits.every((pid) => stateOf(pid) === "T"));
    await bothGone(run, inits, 15_000);
    expect(nowMs()).toBeGreaterThan(lastRenewalMs() + CUT_MS - 1_000);
    expect(run.beats().at(-1)).toBeLessThanOrEqual(lastRenewalMs() + CUT_MS + TOLERANCE_MS);
    for (const pid of [run.pid, run.lockPid()]) process.kill(pid, "SIGCONT");
    expect(await run.ended).toMatchObject({ code: 80 });
    cutAfterTheEnd(run);
  });

  test("of the storage init ends the renewals, and the guard stops in time", async () => {
    const run = guardWithStorage();
    await run.running();
    const inits = initsOf(run);
    process.kill(run.storageInitPid(), "SIGSTOP");
    const stoppedAtMs = nowMs();
    expect(await run.ended).toMatchObject({ code: 80 });
    expect(run.beats().at(-1)).toBeLessThanOrEqual(stoppedAtMs + SHORT_TIMING.renewMs + CUT_MS + TOLERANCE_MS);
    await bothGone(run, inits);
  });

  test("of the storage process ends with the run: a hung unmount is bounded, and the volume is cut", async () => {
    const run = guardWithStorage();
    await run.running();
    const inits = initsOf(run);
    process.kill(run.servePid(), "SIGSTOP");
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 0 });
    cutAfterTheEnd(run);
    expect(released(run)).toEqual({ kind: "released" });
    await bothGone(run, inits);
  });
});

describe.runIf(isRoot)("an unmount that never answers", () => {
  test.each([
    ["cut", { kind: "released" }],
    ["incomplete", { kind: "yield", needsFence: expect.stringContaining("a server still holds data of it") }],
    ["garbage", { kind: "yield", needsFence: expect.stringContaining("could not be cut") }],
    ["hang", { kind: "yield", needsFence: expect.stringContaining("could not be cut") }],
  ] as const)("is bounded; the cut program's word decides (%s)", async (cut, state) => {
    const cutMsMax = cut === "hang" ? 3_000 : 15_000;
    const run = guardWithStorage({ does: { down: "silent", cut }, storage: { cutMsMax } });
    await run.running();
    const inits = initsOf(run);
    run.process.kill("SIGTERM");
    await run.ended;
    const tookMs = (run.heard("release")[0]?.atMs ?? 0) - (run.storage("down")[0]?.atMs ?? 0);
    // The unmount's limit, the cut's with its start, and what a busy machine takes.
    expect(tookMs).toBeLessThan(1_000 + cutMsMax + 2_000 + 4_000);
    cutAfterTheEnd(run);
    expect(released(run)).toEqual(state);
    expect(run.outcome().report.released).toBe(state.kind === "released");
    await bothGone(run, inits);
  });

  test("is over at the deadline when the lease is not renewed any more", async () => {
    const run = guardWithStorage({ does: { down: "silent" }, volumeTimeoutMs: 60_000 });
    await run.running();
    run.behave({ confirm: false });
    const lastConfirmedMs = nowMs();
    const inits = initsOf(run);
    run.process.kill("SIGTERM");
    await until("both trees are gone", () => inits.every((pid) => !isLive(pid)));
    // A busy machine's kernel is in time, and whoever looks is late.
    expect(nowMs() - lastConfirmedMs).toBeLessThan(CUT_MS + 1_500);
    await run.ended;
    expect(run.storage("unmounted")).toEqual([]);
    cutAfterTheEnd(run);
    await bothGone(run, inits);
  });
});

describe.runIf(isRoot)("what a strategy serves itself", () => {
  test("an application that hangs on it in the kernel goes with the storage tree", async () => {
    const run = guardWithStorage({
      does: { up: "hanging" },
      modes: ["hang"],
    });
    await until("the application asks", () => run.events().includes("asks"), 20_000);
    const inits = initsOf(run);
    await until("a request is taken", () => run.storage("taken").length > 0);
    run.process.kill("SIGTERM");
    await until("SIGKILL does not end it", () => run.everyPid().some((pid) => stateOf(pid) === "D"));
    await run.ended;
    cutAfterTheEnd(run);
    expect(released(run)).toEqual({ kind: "released" });
    await bothGone(run, inits);
  });
});

describe.runIf(isRoot)("a lost lease", () => {
  test("ends both trees at once: nothing is unmounted in its own time", async () => {
    const run = guardWithStorage({ modes: ["deaf"] });
    await run.running();
    const inits = initsOf(run);
    run.behave({ lost: "LEASE_LOST" });
    expect(await run.ended).toMatchObject({ code: 80 });
    expect(run.storage("down")).toEqual([]);
    cutAfterTheEnd(run);
    expect(released(run)).toBeUndefined();
    await bothGone(run, inits);
  });

  test("a volume that needs a person ends the run with its own code", async () => {
    const run = guardWithStorage({ does: { up: "fail" } });
    expect(await run.ended).toMatchObject({ code: 81 });
    expect(run.outcome().report).toMatchObject({ code: "NEEDS_REPAIR", hint: "fsck" });
    expect(run.events()).toEqual([]);
    expect(released(run)).toEqual({ kind: "released" });
  });
});

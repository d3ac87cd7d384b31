import { expect, test } from "vitest";
import { SHORT_TIMING } from "./support/config.js";
import { type Guarded, guard, isLive, isRoot, nowMs, stateOf, until } from "./support/harness.js";

/**
 * Death and stop of each process of a run, alone and together. Judged by the application's own heartbeats on the clock
 * that all processes share, and by what the lock process heard and when: between the last confirmed renewal and the cut
 * deadline lie leaseMs - marginMs, and nothing may be written after it.
 */
const CUT_MS = SHORT_TIMING.leaseMs - SHORT_TIMING.marginMs;
/** A heartbeat is stamped, then written; a timer in the kernel fires a little late. */
const TOLERANCE_MS = 30;
const trees = isRoot ? (["pid-namespace", "subreaper"] as const) : (["auto", "subreaper"] as const);

/** The last renewal that was heard was confirmed with a stamp that is not older. */
function lastRenewalMs(run: Guarded): number {
  return run.heard("renew").at(-1)?.atMs ?? run.heard("acquire").at(-1)?.atMs ?? 0;
}

function lastBeatMs(run: Guarded): number {
  return run.beats().at(-1) ?? 0;
}

async function silent(run: Guarded): Promise<void> {
  await until("the application's init is gone", () => !isLive(run.initPid()));
  const count = run.beats().length;
  const sinceMs = nowMs();
  await until("nothing is written any more", () => nowMs() - sinceMs > 100);
  expect(run.beats()).toHaveLength(count);
}

/** It lives on: still writing this much later, under the same grant. */
async function livesOn(run: Guarded, ms: number): Promise<void> {
  const untilMs = nowMs() + ms;
  await until("it writes on", () => lastBeatMs(run) > untilMs, ms + 10_000);
  const gaps = run.beats().map((atMs, index, all) => atMs - (all[index - 1] ?? atMs));
  expect(run.events().filter((event) => event.startsWith("start "))).toHaveLength(1);
  expect(Math.max(...gaps)).toBeLessThan(CUT_MS);
}

test.each(trees)(
  "SIGKILL of the guard ends the application at once, and the release follows its end (%s)",
  async (tree) => {
    const run = guard({ config: { tree }, modes: ["deaf"] });
    await run.running();
    const killedAtMs = nowMs();
    process.kill(run.pid, "SIGKILL");
    await until("the lock process releases", () => run.lock().some((entry) => entry.event === "released-after-guard"));
    const released = run.lock().find((entry) => entry.event === "released-after-guard");
    expect(lastBeatMs(run)).toBeLessThan(released?.atMs ?? 0);
    expect((released?.atMs ?? 0) - killedAtMs).toBeLessThan(1_000);
    await silent(run);
  },
);

test.each(trees)("SIGKILL of the guard ends a daemon, too (%s)", async (tree) => {
  const run = guard({ config: { tree }, modes: ["daemon", "stay"] });
  await until("the daemon writes", () => run.beats().length > 2, 20_000);
  process.kill(run.pid, "SIGKILL");
  await until("the lock process releases", () => run.lock().some((entry) => entry.event === "released-after-guard"));
  const released = run.lock().find((entry) => entry.event === "released-after-guard");
  expect(lastBeatMs(run)).toBeLessThan(released?.atMs ?? 0);
  await silent(run);
});

test.each(trees)(
  "a guard that is stopped past the deadline renews nothing; the kernel ends the tree in time (%s)",
  async (tree) => {
    const run = guard({ config: { tree }, modes: ["deaf"] });
    await run.running();
    process.kill(run.pid, "SIGSTOP");
    await until("the tree is gone", () => !isLive(run.initPid()), 15_000);
    expect(lastBeatMs(run)).toBeLessThanOrEqual(lastRenewalMs(run) + CUT_MS + TOLERANCE_MS);
    process.kill(run.pid, "SIGCONT");
    expect(await run.ended).toMatchObject({ code: 80 });
    expect(run.outcome().report).toMatchObject({ code: "LEASE_LOST", origin: "holdfast" });
    await silent(run);
  },
);

test("a lock process that is killed costs nothing: a new one goes on with the same grant", async () => {
  const run = guard();
  await run.running();
  const first = run.lockPid();
  process.kill(first, "SIGKILL");
  await until("another renews", () => run.heard("renew").some((entry) => entry.pid !== first));
  expect(run.heard("config").at(-1)).toMatchObject({ resume: { run: "run-1", epoch: "7", created: "c1" } });
  await livesOn(run, CUT_MS + 500);
  run.process.kill("SIGTERM");
  expect(await run.ended).toMatchObject({ code: 0 });
  expect(run.outcome().report.released).toBe(true);
});

test("a lock process that is stopped is replaced, and the application lives on", async () => {
  // Its silence is noticed after a second, and a busy machine may need another to start a new one.
  const timing = { leaseMs: 6_000, renewMs: 250, stopBudgetMs: 500, marginMs: 900, guardMs: 300 };
  const run = guard({ config: { timing } });
  await run.running();
  const first = run.lockPid();
  process.kill(first, "SIGSTOP");
  await until("another renews", () => run.heard("renew").some((entry) => entry.pid !== first), 10_000);
  expect(isLive(first)).toBe(false);
  await livesOn(run, timing.leaseMs);
  run.process.kill("SIGTERM");
  expect(await run.ended).toMatchObject({ code: 0 });
});

test("lock processes that only die: the clean stop begins in time, and the exit code is 80", async () => {
  const run = guard();
  await run.running();
  run.behave({ exitOnRenew: true });
  expect(await run.ended).toMatchObject({ code: 80 });
  expect(run.events().slice(1)).toEqual(["SIGTERM", "end"]);
  expect(new Set(run.heard("config").map((entry) => entry.pid)).size).toBeGreaterThan(2);
});

test("a store that confirms nothing: SIGTERM a stop budget before the deadline, renewals go on", async () => {
  const run = guard({ modes: ["slow=100"] });
  await run.running();
  run.behave({ confirm: false });
  await until("it is told", () => run.stderr().includes("is not confirmed: the store does not answer"));
  const confirmedMs = run
    .heard("renew")
    .filter((entry) => entry.atMs < nowMs())
    .map((entry) => entry.atMs);
  expect(await run.ended).toMatchObject({ code: 80 });
  expect(run.events().slice(1)).toEqual(["SIGTERM", "end"]);
  expect(lastBeatMs(run)).toBeLessThanOrEqual((confirmedMs.at(-1) ?? 0) + CUT_MS);
  // Ridden out: nothing was stopped before the stop deadline of the last confirmation.
  expect(lastBeatMs(run) - (confirmedMs.at(-2) ?? 0)).toBeGreaterThan(
    CUT_MS - SHORT_TIMING.stopBudgetMs - SHORT_TIMING.renewMs * 2,
  );
  expect(run.outcome().report).toMatchObject({ code: "LEASE_LOST", released: true });
});

test("an outage shorter than the ride-out leaves the application alone", async () => {
  const run = guard();
  await run.running();
  run.behave({ confirm: false });
  const fromMs = nowMs();
  await until("1.2 s without a confirmation", () => nowMs() - fromMs > 1_200);
  run.behave({});
  await livesOn(run, CUT_MS);
  expect(run.events()).toHaveLength(1);
  expect(run.stderr()).toContain("the lease is renewed again");
  run.process.kill("SIGTERM");
  await run.ended;
});

test("an application that is deaf to SIGTERM is killed before the deadline", async () => {
  const run = guard({ modes: ["deaf"] });
  await run.running();
  run.behave({ confirm: false });
  await until("it is told", () => run.stderr().includes("is not confirmed"));
  const confirmedMs = lastRenewalMs(run);
  expect(await run.ended).toMatchObject({ code: 80 });
  expect(run.events()).toContain("SIGTERM");
  expect(lastBeatMs(run)).toBeLessThanOrEqual(confirmedMs + CUT_MS + TOLERANCE_MS);
});

test("a confirmation during the stop moves the deadline but takes nothing back", async () => {
  const run = guard({ modes: ["slow=300"] });
  await run.running();
  run.behave({ confirm: false });
  await until("SIGTERM", () => run.events().includes("SIGTERM"), 15_000);
  run.behave({});
  expect(await run.ended).toMatchObject({ code: 80 });
  expect(run.events().slice(1)).toEqual(["SIGTERM", "end"]);
});

test("a lease that another run may hold: SIGKILL at once, no release, the loss in the history", async () => {
  const run = guard({ modes: ["slow=400"] });
  await run.running();
  run.behave({ lost: "LEASE_LOST" });
  expect(await run.ended).toMatchObject({ code: 80 });
  expect(run.events()).toHaveLength(1);
  expect(lastBeatMs(run) - lastRenewalMs(run)).toBeLessThan(300);
  expect(run.heard("release")).toEqual([]);
  expect(run.heard("history").at(-1)).toMatchObject({ kind: "lost" });
  expect(run.heard("leave")).toHaveLength(1);
  expect(run.outcome().report).toMatchObject({ code: "LEASE_LOST", released: false });
});

test("a record that is gone leaves time for a clean stop", async () => {
  const run = guard({ modes: ["slow=50"] });
  await run.running();
  run.behave({ lost: "RECORD_MISSING" });
  expect(await run.ended).toMatchObject({ code: 80 });
  expect(run.events().slice(1)).toEqual(["SIGTERM", "end"]);
  expect(run.outcome().report).toMatchObject({ code: "RECORD_MISSING", released: false });
});

for (const tree of trees)
  for (const keeper of ["init", "sentry"] as const)
    test(`SIGKILL of the ${keeper} ends everything in the tree, then the lease is released; exit 70 (${tree})`, async () => {
      const run = guard({ config: { tree }, modes: ["deaf"] });
      await run.running();
      process.kill(keeper === "init" ? run.initPid() : run.sentryPid(), "SIGKILL");
      expect(await run.ended).toMatchObject({ code: 70 });
      expect(run.outcome().report).toMatchObject({ code: "INTERNAL", released: true });
      expect(run.heard("release").at(0)?.state).toEqual({ kind: "released" });
      expect(lastBeatMs(run)).toBeLessThan(run.heard("release").at(0)?.atMs ?? 0);
      await silent(run);
    });

test("both keepers of a tree without a namespace killed: what is left is killed, and the lease needs a fence", async () => {
  const run = guard({ config: { tree: "subreaper" }, modes: ["daemon", "stay"] });
  await until("the daemon writes", () => run.beats().length > 2, 20_000);
  const [init, sentry] = [run.initPid(), run.sentryPid()];
  process.kill(sentry, "SIGSTOP");
  process.kill(init, "SIGKILL");
  process.kill(sentry, "SIGKILL");
  expect(await run.ended).toMatchObject({ code: 70 });
  expect(run.heard("release").at(0)?.state).toMatchObject({ kind: "yield" });
  expect(run.outcome().report.cause).toContain("both of its keepers were killed");
  await silent(run);
});

for (const tree of trees)
  for (const keeper of ["init", "sentry"] as const)
    test(`a stopped ${keeper} ends the renewals, and the tree ends at the deadline; exit 80 (${tree})`, async () => {
      const run = guard({ config: { tree }, modes: ["deaf"] });
      await run.running();
      const pid = keeper === "init" ? run.initPid() : run.sentryPid();
      process.kill(pid, "SIGSTOP");
      await until("stopped", () => stateOf(pid) === "T");
      const stoppedMs = nowMs();
      expect(await run.ended).toMatchObject({ code: 80 });
      // At most one renewal was under way when it stopped.
      expect(lastBeatMs(run)).toBeLessThanOrEqual(stoppedMs + SHORT_TIMING.renewMs + CUT_MS + TOLERANCE_MS);
      expect(run.outcome().report).toMatchObject({ code: "LEASE_LOST", released: true });
      await silent(run);
    });

test.each(trees)(
  "all processes of the wrapper stopped at once: the kernel ends the application at the deadline (%s)",
  async (tree) => {
    const run = guard({ config: { tree }, modes: ["deaf"] });
    await run.running();
    const pids = [run.sentryPid(), run.lockPid(), run.initPid(), run.pid];
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    const stoppedMs = nowMs();
    await until("the application is silent", () => nowMs() - lastBeatMs(run) > 500, 15_000);
    expect(lastBeatMs(run)).toBeLessThanOrEqual(lastRenewalMs(run) + CUT_MS + TOLERANCE_MS);
    expect(lastBeatMs(run)).toBeGreaterThan(stoppedMs);
    process.kill(run.lockPid(), "SIGCONT");
    process.kill(run.pid, "SIGCONT");
    expect(await run.ended).toMatchObject({ code: 80 });
  },
);

test("a defect of the guard ends the guard, and with it the application", async () => {
  const run = guard({ modes: ["deaf"], env: { HOLDFAST_TEST_DEFECT_AT: "is not confirmed" } });
  await run.running();
  run.behave({ confirm: false });
  expect(await run.ended).toMatchObject({ code: 1 });
  expect(run.stderr()).toContain("a defect");
  await until("the lock process releases", () => run.lock().some((entry) => entry.event === "released-after-guard"));
  expect(lastBeatMs(run)).toBeLessThan(run.lock().find((entry) => entry.event === "released-after-guard")?.atMs ?? 0);
  await silent(run);
});

test("all processes of the wrapper killed at once: nothing of the application is left", async () => {
  const run = guard({ modes: ["deaf"] });
  await run.running();
  for (const pid of [run.lockPid(), run.initPid(), run.sentryPid(), run.pid]) process.kill(pid, "SIGKILL");
  await silent(run);
});

test("a release that the store does not confirm is bounded; a successor waits for the lease to run out", async () => {
  const run = guard();
  await run.running();
  run.behave({ release: "silent" });
  run.process.kill("SIGTERM");
  const askedMs = nowMs();
  expect(await run.ended).toMatchObject({ code: 0 });
  expect(nowMs() - askedMs).toBeLessThan(5_000);
  expect(run.outcome().report.released).toBe(false);
  expect(run.stderr()).toContain("the release was not confirmed");
});

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type RunStatus, runReportFormat, runStatusFormat } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import { SHORT_TIMING } from "./support/config.js";
import { type Guarded, guard, isLive, markedVolume, nowMs, scratch, until, volumeConfig } from "./support/harness.js";

describe("promote-demote", () => {
  const CUT_MS = SHORT_TIMING.leaseMs - SHORT_TIMING.marginMs;

  /** Promotion and demotion write what they are told and what they know into one file. */
  function replica(demote = 'echo "demoted $HOLDFAST_EPOCH"', behaviour = {}): Guarded & { roles: () => string[] } {
    const file = join(scratch(), "roles");
    const policy = {
      kind: "promote-demote",
      promote: `echo "promoted $HOLDFAST_EPOCH" >>${file}`,
      demote: `${demote} >>${file}`,
    } as const;
    const run = guard({ config: { policy }, behaviour, modes: ["exit-on-term=6"] });
    const roles = () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
    return { ...run, roles };
  }

  test("the replica runs before the lease is won, is promoted under it, and stays the same process", async () => {
    const run = replica(undefined, { acquire: "wait" });
    await run.running();
    expect(run.roles()).toEqual([]);
    run.behave({});
    await until("promoted", () => run.roles().length > 0);
    expect(run.roles()).toEqual(["promoted 7"]);
    const history = run.heard("history").at(0);
    expect(history).toMatchObject({ kind: "started" });
    expect(run.events()).toHaveLength(1);
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 6 });
    expect(run.events().slice(1)).toEqual(["SIGTERM", "end"]);
    expect(run.outcome().report.released).toBe(true);
  });

  test("a lease that cannot be renewed: demoted before the deadline, living on past it, promoted again by a new run", async () => {
    const run = replica();
    await until("promoted", () => run.roles().length > 0, 20_000);
    run.behave({ confirm: false, acquire: "wait" });
    await until("demoted", () => run.roles().length > 1, 15_000);
    const confirmedMs = run.heard("renew").at(-1)?.atMs ?? 0;
    expect(run.roles()).toEqual(["promoted 7", "demoted 7"]);
    const untilMs = confirmedMs + CUT_MS + 500;
    await until("it writes on past the old deadline", () => (run.beats().at(-1) ?? 0) > untilMs, 15_000);
    expect(run.events()).toHaveLength(1);
    expect(run.heard("config").at(-1)?.resume).toBeNull();
    run.behave({ run: "run-2" });
    await until("promoted again", () => run.roles().length > 2, 15_000);
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 6 });
    expect(run.outcome().report).toMatchObject({ run: "run-2", released: true });
  });

  test.each(["exit 1", "sleep 1000"])(
    "a demotion that does not succeed (%s): the tree is killed by the deadline, exit 80",
    async (demote) => {
      const run = replica(demote);
      await until("promoted", () => run.roles().length > 0, 20_000);
      run.behave({ confirm: false });
      const confirmedMs = run.heard("renew").at(-1)?.atMs ?? run.heard("acquire").at(0)?.atMs ?? 0;
      expect(await run.ended).toMatchObject({ code: 80 });
      expect(run.beats().at(-1) ?? 0).toBeLessThan(confirmedMs + SHORT_TIMING.renewMs * 2 + CUT_MS + 30);
      expect(run.events()).toHaveLength(1);
    },
  );

  test("a lease that another run may hold is not answered by a demotion but by SIGKILL", async () => {
    const run = replica();
    await until("promoted", () => run.roles().length > 0, 20_000);
    run.behave({ lost: "LEASE_LOST" });
    expect(await run.ended).toMatchObject({ code: 80 });
    expect(run.roles()).toEqual(["promoted 7"]);
    expect(run.events()).toHaveLength(1);
  });

  test("SIGKILL of the guard ends a replica, too", async () => {
    const run = replica(undefined, { acquire: "wait" });
    await run.running();
    const count = Number(run.events()[0]?.split(" ")[1]);
    expect(count).toBeGreaterThan(0);
    process.kill(run.pid, "SIGKILL");
    await until("it is silent", () => nowMs() - (run.beats().at(-1) ?? 0) > 200);
  });
});

describe("what a run says of itself", () => {
  /** One line, then the end. */
  function ask(path: string): Promise<RunStatus> {
    return new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(path);
      socket.setEncoding("utf8");
      socket.on("data", (chunk: string) => {
        text += chunk;
      });
      socket.on("error", reject);
      socket.on("end", () => resolve(runStatusFormat.parse(Buffer.from(text))));
    });
  }

  test("answers on its status socket in every phase, with numbers that fit", async () => {
    const socket = join(scratch(), "status.sock");
    const volume = markedVolume(scratch());
    const run = guard({ config: { ...volumeConfig(volume), statusSocket: socket }, behaviour: { acquire: "wait" } });
    await until("it waits", () => run.stderr().includes("waiting for the lease"));
    expect(await ask(socket)).toMatchObject({
      phase: "waiting-for-lease",
      holder: "run run-0 on agent-0",
      epoch: null,
      leaseMarginMs: null,
      pid: run.pid,
    });
    run.behave({});
    await run.running();
    await until("renewals", () => run.heard("renew").length > 3);
    const status = await ask(socket);
    expect(status).toMatchObject({
      phase: "running",
      epoch: "7",
      run: "run-1",
      holder: null,
      phaseLimitMs: null,
      lockProcessRestarts: 0,
    });
    expect(status.leaseMarginMs).toBeGreaterThan(1_500);
    expect(status.leaseMarginMs).toBeLessThanOrEqual(SHORT_TIMING.leaseMs - SHORT_TIMING.marginMs);
    expect(status.leaseMarginMsMin).toBeLessThanOrEqual(status.leaseMarginMs ?? 0);
    expect(status.renewals).toBeGreaterThan(1);
    expect(status.volumeCheckAgeMs).toBeLessThan(3_000);
    process.kill(run.lockPid(), "SIGKILL");
    await until("replaced", () => run.heard("config").length > 1);
    expect((await ask(socket)).lockProcessRestarts).toBe(1);
    run.process.kill("SIGTERM");
    await run.ended;
    expect(existsSync(socket)).toBe(false);
  });

  test("replaces a socket that a killed run left behind, and leaves a living run's alone", async () => {
    const socket = join(scratch(), "status.sock");
    const killed = guard({ config: { statusSocket: socket } });
    await killed.running();
    process.kill(killed.pid, "SIGKILL");
    await until("its socket is left", () => !isLive(killed.pid));
    expect(existsSync(socket)).toBe(true);
    const run = guard({ config: { statusSocket: socket } });
    await run.running();
    expect((await ask(socket)).pid).toBe(run.pid);
    const second = guard({ config: { statusSocket: socket } });
    await second.running();
    expect(second.stderr()).toContain(`no status socket at ${socket}`);
    expect((await ask(socket)).pid).toBe(run.pid);
  });

  test("a socket that cannot be made is a warning", async () => {
    const run = guard({ config: { statusSocket: "/nonexistent/status.sock" }, modes: ["exit=0"] });
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(run.stderr()).toContain("no status socket at /nonexistent/status.sock");
  });

  test("a client that says nothing and never closes keeps nobody from ending", async () => {
    const socket = join(scratch(), "status.sock");
    const run = guard({ config: { statusSocket: socket } });
    await run.running();
    const client = connect(socket);
    await new Promise((resolve) => client.once("connect", resolve));
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 0 });
    client.destroy();
  });

  test("writes its report where it was told, as core reads it; where it cannot, that is a warning", async () => {
    const file = join(scratch(), "report.json");
    writeFileSync(file, "an older one");
    const run = guard({ config: { reportFile: file }, modes: ["exit=3"] });
    expect(await run.ended).toMatchObject({ code: 3 });
    const report = runReportFormat.parse(readFileSync(file));
    expect(report).toMatchObject({
      exitCode: 3,
      origin: "application",
      run: "run-1",
      epoch: "7",
      released: true,
      signal: null,
      code: null,
    });
    expect(report.endedAt >= report.startedAt).toBe(true);
    const nowhere = guard({ config: { reportFile: "/nonexistent/report.json" }, modes: ["exit=3"] });
    expect(await nowhere.ended).toMatchObject({ code: 3 });
    expect(nowhere.stderr()).toContain("no report at /nonexistent/report.json");
  });

  test("warns when the scheduler's kill grace does not fit a clean stop", async () => {
    const run = guard({ env: { MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: "500ms" }, modes: ["exit=0"] });
    await run.ended;
    expect(run.stderr()).toContain("the scheduler kills after 500 ms, but a clean stop may take 850 ms");
    const fits = guard({ config: { killGraceMs: 5_000 }, modes: ["exit=0"] });
    await fits.ended;
    expect(fits.stderr()).not.toContain("the scheduler kills");
  });
});

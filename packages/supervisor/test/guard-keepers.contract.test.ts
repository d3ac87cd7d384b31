import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { asNobody, confined } from "../native/test/harness.js";
import { guard, isLive, isRoot, markedVolume, nowMs, scratch, until, volumeConfig } from "./support/harness.js";

/** The same runs under the other kinds of tree: without root, and without the native init. */
describe("without root", () => {
  const wrap = isRoot ? { wrap: asNobody } : {};

  test("a user and PID namespace: guarded like the other, and the start line says which", async () => {
    const run = guard({ ...wrap, modes: ["deaf"] });
    await run.running();
    expect(run.stderr()).toContain("protection: user-pid-namespace + deadline-init;");
    process.kill(run.pid, "SIGKILL");
    await until("released", () => run.lock().some((entry) => entry.event === "released-after-guard"));
    await until("silent", () => nowMs() - (run.beats().at(-1) ?? 0) > 200);
  });

  test("no namespace at all: the start line says what that means", async () => {
    const run = guard({ ...wrap, config: { tree: "subreaper" }, modes: ["exit=3"] });
    expect(await run.ended).toMatchObject({ code: 3 });
    expect(run.stderr()).toContain(
      "protection: subreaper + deadline-init; no PID namespace here: the tree is killed by walking it;",
    );
  });
});

test("a PID namespace that was asked for and cannot be had starts nothing; without asking, the next best is taken", async () => {
  const run = guard({ wrap: confined, config: { tree: "pid-namespace" } });
  expect(await run.ended).toMatchObject({ code: 78 });
  expect(run.outcome().report).toMatchObject({ code: "PROTECTION_MISSING", epoch: null });
  expect(run.events()).toEqual([]);
  const auto = guard({ wrap: confined, modes: ["exit=3"] });
  expect(await auto.ended).toMatchObject({ code: 3 });
  expect(auto.stderr()).toContain("protection: subreaper + deadline-init;");
});

describe.runIf(isRoot)("another user for the application", () => {
  test("it runs as that user, and cannot when we may not", async () => {
    const user = { uid: 65534, gid: 65534, groups: [65534] };
    const file = join(scratch(), "ids");
    const run = guard({ config: { user, command: ["/bin/sh", "-c", `id -u >${file}; id -G >>${file}`] } });
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(readFileSync(file, "utf8")).toBe("65534\n65534\n");
    const refused = guard({ wrap: asNobody, config: { user: { uid: 0, gid: 0, groups: [] }, command: ["/bin/true"] } });
    expect(await refused.ended).toMatchObject({ code: 126 });
  });
});

describe("util-linux in place of the native init", () => {
  const fallback = { initPath: null } as const;

  test("is taken when there is no native init, says what it lacks, and passes on code, output and environment", async () => {
    const volume = markedVolume(scratch());
    const run = guard({ ...fallback, config: volumeConfig(volume), modes: ["environment"] });
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(run.stderr()).toContain("util-linux takes its place and does less");
    expect(run.stderr()).toContain(
      "protection: pid-namespace + claim + deadline-guard; util-linux in place of the native init: no deadline in the kernel",
    );
    expect(JSON.parse(readFileSync(run.data, "utf8"))).toMatchObject({
      HOLDFAST_EPOCH: "7",
      HOLDFAST_DATA_DIR: join(volume, "data"),
    });
    expect(JSON.parse(readFileSync(join(volume, ".holdfast/epoch.json"), "utf8"))).toMatchObject({
      v: 1,
      epoch: "7",
      run: "run-1",
    });
    const code = guard({ ...fallback, modes: ["exit=3"] });
    expect(await code.ended).toMatchObject({ code: 3 });
    const signal = guard({ ...fallback, modes: ["raise=SIGKILL"] });
    expect(await signal.ended).toMatchObject({ code: 137 });
    const missing = guard({ ...fallback, config: { command: ["/nonexistent/program"] } });
    expect(await missing.ended).toMatchObject({ code: 127 });
    expect(missing.outcome().report.released).toBe(true);
  });

  test("works without root, in a user namespace", async () => {
    const run = guard({ ...fallback, ...(isRoot ? { wrap: asNobody } : {}), modes: ["slow=20", "exit-on-term=5"] });
    await run.running();
    expect(run.stderr()).toContain("protection: user-pid-namespace + deadline-guard;");
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 5 });
  });

  test("is not taken when the native init was asked for, and cannot make a subreaper tree", async () => {
    const native = guard({ ...fallback, config: { init: "native" } });
    expect(await native.ended).toMatchObject({ code: 78 });
    expect(native.outcome().report).toMatchObject({ code: "PROTECTION_MISSING" });
    const subreaper = guard({ ...fallback, config: { tree: "subreaper" } });
    expect(await subreaper.ended).toMatchObject({ code: 78 });
    expect(subreaper.events()).toEqual([]);
  });

  test("a native init that cannot be executed is no native init", async () => {
    const broken = join(scratch(), "holdfast-init");
    writeFileSync(broken, "not a program", { mode: 0o644 });
    const run = guard({ initPath: broken, modes: ["exit=0"] });
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(run.stderr()).toContain("cannot be executed; util-linux takes its place");
  });

  test("passes signals on, stops cleanly, kills who is deaf, and takes daemons along", async () => {
    const run = guard({ ...fallback, modes: ["slow=50", "exit-on-term=5"] });
    await run.running();
    run.process.kill("SIGUSR1");
    await until("SIGUSR1", () => run.events().includes("SIGUSR1"));
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 5 });
    const deaf = guard({ ...fallback, modes: ["deaf"] });
    await deaf.running();
    deaf.process.kill("SIGTERM");
    expect(await deaf.ended).toMatchObject({ code: 137 });
    const daemon = guard({ ...fallback, modes: ["daemon", "stay"] });
    await daemon.running();
    daemon.process.kill("SIGTERM");
    await daemon.ended;
    expect(daemon.beats().at(-1)).toBeLessThan(daemon.heard("release").at(0)?.atMs ?? 0);
  });

  test("SIGKILL of the guard, and of the tree's top: everything ends", async () => {
    const run = guard({ ...fallback, modes: ["deaf"] });
    await run.running();
    process.kill(run.pid, "SIGKILL");
    await until("released", () => run.lock().some((entry) => entry.event === "released-after-guard"));
    await until("silent", () => nowMs() - (run.beats().at(-1) ?? 0) > 200);
    const top = guard({ ...fallback, modes: ["deaf"] });
    await top.running();
    process.kill(top.initPid(), "SIGKILL");
    expect(await top.ended).toMatchObject({ code: 70 });
    expect(isLive(top.initPid())).toBe(false);
    expect(top.outcome().report.released).toBe(true);
  });

  test("ends the application at the deadline by the guard's own clock", async () => {
    const run = guard({ ...fallback, modes: ["deaf"] });
    await run.running();
    run.behave({ confirm: false });
    expect(await run.ended).toMatchObject({ code: 80 });
    expect(run.events()).toContain("SIGTERM");
  });

  test("holds the claim with the tree, and is refused by another's", async () => {
    const volume = markedVolume(scratch());
    const isClaimed = () => spawnSync("flock", ["-n", join(volume, ".holdfast/claim"), "true"]).status !== 0;
    const run = guard({ ...fallback, config: volumeConfig(volume) });
    await run.running();
    expect(isClaimed()).toBe(true);
    const second = guard({ ...fallback, config: { ...volumeConfig(volume), claimWaitMs: 0 } });
    expect(await second.ended).toMatchObject({ code: 79 });
    run.process.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(isClaimed()).toBe(false);
  });

  test("tells a foreign volume, and one that is not there", async () => {
    const foreign = guard({ ...fallback, config: volumeConfig(markedVolume(scratch(), "other-db")) });
    expect(await foreign.ended).toMatchObject({ code: 82 });
    expect(foreign.outcome().report.code).toBe("IDENTITY_MISMATCH");
    const path = join(scratch(), "missing");
    const missing = guard({ ...fallback, config: volumeConfig(path) });
    expect(await missing.ended).toMatchObject({ code: 81 });
    expect(existsSync(path)).toBe(false);
  });
});

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  endScene,
  judge,
  lookAt,
  processesOfScene,
  readDataSet,
  readWriterLogs,
  SCENE_VARIABLE,
  until,
  type WriterOptions,
  writerCommand,
} from "@holdfast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

/*
 * The writer misbehaves as its options say, and the judge sees two of them at once: without both a row proves nothing.
 */

const LIMIT = { timeoutMs: 10_000 };
let directory: string;
let scene: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-writer-"));
  scene = randomUUID();
  mkdirSync(join(directory, "data"));
  mkdirSync(join(directory, "logs"));
});
afterEach(async () => {
  await endScene(scene, LIMIT.timeoutMs);
  expect(processesOfScene(scene)).toEqual([]);
  rmSync(directory, { recursive: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<number | string | null>;
}

function start(options: Partial<WriterOptions> = {}, epoch = 1): Started {
  const [file, ...args] = writerCommand({ ...options, logDirectory: join(directory, "logs") });
  if (file === undefined) throw new Error("no command");
  const env = {
    PATH: process.env.PATH,
    HOLDFAST_DATA_DIR: join(directory, "data"),
    HOLDFAST_EPOCH: String(epoch),
    HOLDFAST_RUN: `run-${epoch}`,
    [SCENE_VARIABLE]: scene,
  };
  const child = spawn(file, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  if (child.pid === undefined) throw new Error("the writer did not start");
  return {
    child,
    pid: child.pid,
    ended: new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal))),
  };
}

const acknowledged = () =>
  readWriterLogs(join(directory, "logs")).reduce((sum, log) => sum + log.acknowledgements.length, 0);
const untilWritten = (more: number) => {
  const goal = acknowledged() + more;
  return until(`${more} writes`, () => acknowledged() >= goal, LIMIT);
};
const evidence = () => ({
  logs: readWriterLogs(join(directory, "logs")),
  data: readDataSet(join(directory, "data")),
  faultMs: 0,
});

describe("the writer", () => {
  test("writes what it says, and the judge finds nothing wrong with two in a row", async () => {
    const first = start();
    await untilWritten(20);
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);
    const second = start({}, 2);
    await untilWritten(20);
    second.child.kill("SIGKILL");
    expect(await second.ended).toBe("SIGKILL");
    const verdict = judge(evidence());
    expect(verdict.breaches).toEqual([]);
    expect(verdict.runs.map((run) => run.epoch)).toEqual([1n, 2n]);
    expect(verdict.overlapMs).toBe(0);
  });

  test("two at once are seen by the judge, in time and in the data", async () => {
    start();
    await untilWritten(20);
    start({}, 2);
    await untilWritten(40);
    const verdict = judge(evidence());
    expect(verdict.overlapMs).toBeGreaterThan(0);
    expect(verdict.breaches.join("\n")).toContain("records of a former run");
  });

  test("deaf: TERM and INT do not end it", async () => {
    const writer = start({ onTerm: "ignore" });
    await untilWritten(5);
    writer.child.kill("SIGTERM");
    writer.child.kill("SIGINT");
    await untilWritten(20);
    expect(lookAt(writer.pid)?.state).toMatch(/[SR]/);
  });

  test("slow: writes on after TERM for its time, then exits with its number", async () => {
    const writer = start({ onTerm: 300, exitCode: 7 });
    await untilWritten(5);
    const before = acknowledged();
    writer.child.kill("SIGTERM");
    expect(await writer.ended).toBe(7);
    expect(acknowledged()).toBeGreaterThan(before + 10);
  });

  test("ends by itself when told to, by number or by signal", async () => {
    const byNumber = start({ exitCode: 3 });
    await untilWritten(5);
    byNumber.child.kill("SIGUSR2");
    expect(await byNumber.ended).toBe(3);
    const bySignal = start({ endBySignal: "SIGSEGV" }, 2);
    await untilWritten(5);
    bySignal.child.kill("SIGUSR2");
    expect(await bySignal.ended).toBe("SIGSEGV");
  });

  test("its daemon has a session of its own, writes on when the rest is dead, ignores signals, and is found again", async () => {
    const writer = start({ daemon: true });
    const [daemon] = await until(
      "the daemon to write",
      () => {
        const daemons = processesOfScene(scene).filter((seen) => seen.argv.join(" ").includes('"role":"daemon"'));
        return daemons.length > 0 && readWriterLogs(join(directory, "logs")).length === 2 && daemons;
      },
      LIMIT,
    );
    writer.child.kill("SIGKILL");
    await writer.ended;
    process.kill(daemon?.pid ?? 0, "SIGTERM");
    await untilWritten(20);
    expect(daemon?.ppid).not.toBe(writer.pid);
    expect(processesOfScene(scene).map((seen) => seen.pid)).toEqual([daemon?.pid]);
  });

  test("its children outlive it and ignore TERM", async () => {
    const writer = start({ children: 20 });
    const sleepers = () => processesOfScene(scene).filter((seen) => seen.argv[0] === "sleep");
    await until("20 children", () => sleepers().length === 20, LIMIT);
    writer.child.kill("SIGKILL");
    await writer.ended;
    for (const seen of sleepers()) process.kill(seen.pid, "SIGTERM");
    await until("their parent to be gone", () => sleepers().every((seen) => seen.ppid !== writer.pid), LIMIT);
    expect(sleepers()).toHaveLength(20);
  });

  test.skipIf(process.getuid?.() !== 0)("changes its user and writes on (needs root)", async () => {
    const writer = start({ uid: 65_534 });
    await untilWritten(20);
    const { stdout } = await import("@holdfast/testkit").then((kit) =>
      kit.command(["stat", "-c", "%u", `/proc/${writer.pid}`]),
    );
    expect(stdout.trim()).toBe("65534");
  });
});

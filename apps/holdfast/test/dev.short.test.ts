import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { executableUnderTest } from "./faults/environment.js";

/**
 * `holdfast dev` as a user runs it: the demo with one fault against a real Redis, the same without the lease, an
 * interruption in the middle, and a cluster operated by hand. After each of them nothing may be left.
 */

const [file, ...leading] = executableUnderTest();
const hasRedis = (process.env.PATH ?? "").split(delimiter).some((path) => existsSync(join(path, "redis-server")));
const control = fileURLToPath(new URL("dev/unprotected-wrapper.mjs", import.meta.url));

let directory: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  const own = mkdtempSync(join(tmpdir(), "hf-dev-"));
  chmodSync(own, 0o755); // the database runs as a user of its own
  directory = join(own, "c");
});

afterEach(async () => {
  // Only after a failure is it still there; its own end takes everything down.
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill("SIGINT");
    await new Promise((resolve) => child?.once("exit", resolve));
  }
  child = undefined;
  rmSync(join(directory, ".."), { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(...args: readonly string[]): { readonly output: () => string; readonly ended: Promise<Ended> } {
  const started = spawn(file, [...leading, "dev", ...args, "--dir", directory], { stdio: ["ignore", "pipe", "pipe"] });
  child = started;
  let stdout = "";
  let stderr = "";
  started.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  started.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    started.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { output: () => stdout + stderr, ended };
}

async function seen(what: string, look: () => boolean): Promise<void> {
  const limitMs = performance.now() + 40_000;
  while (!look()) {
    if (performance.now() > limitMs) throw new Error(`waited in vain for ${what}`);
    await pause(20);
  }
}

/** Another `holdfast dev` command on the same cluster; standard output. */
async function ask(...args: readonly string[]): Promise<string> {
  const asked = spawn(file, [...leading, "dev", ...args, "--dir", directory], { stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  asked.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  const code = await new Promise((resolve) => asked.on("close", resolve));
  if (code !== 0) throw new Error(`dev ${args.join(" ")} ended with ${String(code)}`);
  return stdout;
}

/** What a cluster in this directory could have left: processes, namespaces, links, sockets. */
function leftovers(pid: number | undefined): string[] {
  const processes = readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const about = ["cmdline", "environ"].map((part) => readIfThere(`/proc/${name}/${part}`)).join("\0");
    return about.includes(directory) ? [`process ${name}: ${about.slice(0, 200)}`] : [];
  });
  const links = readdirSync("/sys/class/net").filter((name) =>
    readIfThere(`/sys/class/net/${name}/ifalias`).startsWith(`holdfast-dev ${pid} `),
  );
  const sockets = existsSync(directory)
    ? readdirSync(directory, { recursive: true, withFileTypes: true }).filter((e) => e.isSocket() || e.isSymbolicLink())
    : [];
  return [...processes, ...links, ...sockets.map((entry) => entry.name)];
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // gone meanwhile, or another user's
  }
}

describe.skipIf(!hasRedis)("holdfast dev (needs redis-server)", () => {
  test("the demo survives a cut with every acknowledged write and one writer at a time", async () => {
    const { ended } = start("--demo", "--faults", "2", "--json");
    const pid = child?.pid;
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(0);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({ passed: true, error: null, lost: 0, overlapMs: 0, breaches: [] });
    const [row] = summary.rows;
    expect(row).toMatchObject({ name: "agent cut off", overlapMs: 0, lost: 0 });
    expect(row.acknowledged).toBeGreaterThanOrEqual(1_000);
    // The local writer went on after the cut: otherwise there was nothing to survive.
    expect(row.oldLastMs).toBeGreaterThan(500);
    expect(leftovers(pid)).toEqual([]);
  });

  test("the demo fails where the orchestrator alone decides: two writers, writes lost", async () => {
    const { ended } = start("--demo", "--faults", "2", "--json", "--wrapper", control);
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(1);
    const summary = JSON.parse(stdout);
    expect(summary.passed).toBe(false);
    expect(summary.overlapMs).toBeGreaterThan(0);
    expect(summary.lost).toBeGreaterThan(0);
  });

  test("an interrupted demo says so, takes everything down and leaves its summary", async () => {
    const { ended, output } = start("--demo");
    const pid = child?.pid;
    await seen("the first writes", () => output().includes("writes acknowledged on"));
    child?.kill("SIGINT");
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(130);
    expect(leftovers(pid)).toEqual([]);
    expect(JSON.parse(readFileSync(join(directory, "summary.json"), "utf8"))).toMatchObject({
      passed: false,
      error: { code: "INTERRUPTED" },
    });
  });

  test("a cluster by hand: a killed machine is replaced, shown, booted again, and all is taken down", async () => {
    const { ended, output } = start("up", "--agents", "2");
    const pid = child?.pid;
    const serving = async (agent: string) => {
      const { status } = JSON.parse(await ask("status", "--json"));
      return status.agents.some((line: { id: string; runs: { says: string }[] }) => {
        return line.id === agent && line.runs.some((run) => run.says === "serving");
      });
    };
    await seen("the cluster", () => output().includes("starting a run on agent-1"));
    while (!(await serving("agent-1"))) await pause(100);
    expect(await ask("kill", "agent-1")).toContain("nothing of agent-1 is left");
    while (!(await serving("agent-2"))) await pause(100);
    expect(await ask("status")).toMatch(/agent-1 +killed/);
    expect(await ask("heal", "agent-1")).toBe("booted\n");
    expect(await ask("down")).toBe("ended\n");
    expect((await ended).code, output()).toBe(0);
    expect(leftovers(pid)).toEqual([]);
  });
});

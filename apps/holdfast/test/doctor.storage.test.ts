import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "@holdfast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";

// The built program on real mounts; needs the build, root and nbdfuse.

const PROGRAM = fileURLToPath(new URL("../dist/holdfast.cjs", import.meta.url));
let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-doctor-test-"));
});
afterEach(() => rmSync(base, { recursive: true }));

function doctor(...args: readonly string[]) {
  const startedAt = process.hrtime.bigint();
  const { status, stdout } = spawnSync(process.execPath, [PROGRAM, "doctor", "--json", ...args], {
    encoding: "utf8",
    timeout: 30_000,
  });
  const tookMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
  return { status, tookMs, report: JSON.parse(stdout) };
}

const isMounted = (path: string) => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);

test("gives a hung mount up in time, and says what it is", async () => {
  const path = join(base, "mount");
  mkdirSync(path);
  // A FUSE file system whose program is stopped answers nobody, as one whose server is gone.
  const client = spawn("nbdfuse", [path, "--command", "nbdkit", "-s", "memory", "1M"], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => client.once("exit", () => resolve()));
  try {
    await until("the mount", () => isMounted(path), { timeoutMs: 10_000 });
    client.kill("SIGSTOP");
    const { status, tookMs, report } = doctor("--volume", path, "--timeout-ms", "500");
    expect(status).toBe(1);
    expect(tookMs).toBeLessThan(5_000);
    expect(report.paths[0]).toMatchObject({
      verdict: "unsafe",
      mount: { mountPoint: path, fsType: expect.stringMatching(/^fuse/) },
      findings: [{ severity: "error", code: "VOLUME_HUNG" }],
    });
  } finally {
    client.kill("SIGKILL");
    await ended;
    if (isMounted(path)) execFileSync("umount", [path]);
  }
});

test("changes nothing where it looks", () => {
  const path = join(base, "volume");
  mkdirSync(path);
  execFileSync(process.execPath, [PROGRAM, "volume", "init", path, "--service", "db"]);
  const state = () => execFileSync("find", [path, "-printf", "%p %i %s %T@ %C@\n"], { encoding: "utf8" });
  const before = state();
  const { status, report } = doctor("--volume", path, "--service", "db");
  expect(status).toBe(0);
  expect(report.paths[0]).toMatchObject({ verdict: "safe", mark: { service: "db" } });
  expect(report.paths[0].findings).not.toContainEqual(expect.objectContaining({ code: "CLAIMED" }));
  expect(state()).toBe(before);
});

test("names the process that holds the claim", async () => {
  const path = join(base, "volume");
  mkdirSync(path);
  execFileSync(process.execPath, [PROGRAM, "volume", "init", path, "--service", "db"]);
  const claim = join(path, ".holdfast/claim");
  const holder = spawn("flock", ["--no-fork", claim, "sleep", "60"], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => holder.once("exit", () => resolve()));
  try {
    const free = () => spawnSync("flock", ["--nonblock", claim, "true"]).status === 0;
    await until("the lock", () => !free(), { timeoutMs: 10_000 });
    const message = expect.stringContaining(`process ${holder.pid} `);
    expect(doctor("--volume", path).report.paths[0].findings).toContainEqual(
      expect.objectContaining({ code: "CLAIMED", severity: "info", message }),
    );
  } finally {
    holder.kill("SIGKILL");
    await ended;
  }
});

test("asks the strategies of a service file, and does not look where only a run mounts", () => {
  const disk = join(base, "disk");
  mkdirSync(disk);
  const file = join(base, "service.yaml");
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: "holdfast/v1",
      kind: "Service",
      metadata: { name: "db" },
      spec: {
        engine: { type: "process", command: ["sleep", "1"] },
        storage: [
          { strategy: "local-pin", mountPath: join(base, "run"), diskMiB: 1_000_000_000, options: { path: disk } },
          { strategy: "local-pin", role: "log", mountPath: join(base, "log") },
        ],
        resources: { cpus: 1, memMiB: 64 },
      },
    }),
  );
  const { status, report } = doctor("-f", file);
  expect(status).toBe(1);
  expect(report.strategies).toMatchObject([
    { role: "data", backend: "local-directory", mounts: true, grade: { grade: "lease-only" } },
    { role: "log", mounts: false },
  ]);
  const [data] = report.strategies;
  expect(data.findings).toContainEqual(expect.objectContaining({ code: "TOO_SMALL", severity: "warning" }));
  expect(report.paths).toMatchObject([{ path: join(base, "log"), verdict: "unsafe" }]);
});

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "@holdfast/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

// What `holdfast create-strategy` writes, as its author has it: type-checked, tried by the suite, packed, installed into
// an empty npm prefix, and running a service that fails over, with both forms of the program.

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const PROGRAM = join(repository, "apps/holdfast/dist/holdfast.cjs");
const EXECUTABLE = join(repository, "dist/holdfast");
const forms = {
  files: [process.execPath, PROGRAM],
  executable: [EXECUTABLE],
} as const;

interface Registry {
  readonly url: string;
  close(): Promise<void>;
}

let base: string;
let scaffolded: string;
let prefix: string;
let registry: Registry;

function command(argv: readonly string[], cwd = base): void {
  const [file = "", ...args] = argv;
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8", cwd, timeout: 120_000 });
  expect(status, `${argv.join(" ")}\n${stdout}${stderr}`).toBe(0);
}

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "holdfast-scaffold-test-"));
  // An old one would test an old program.
  const isCurrent = existsSync(EXECUTABLE) && statSync(EXECUTABLE).mtimeMs > statSync(PROGRAM).mtimeMs;
  if (!isCurrent) command([process.execPath, join(repository, "tooling/release/build-exe.mjs")]);
  scaffolded = join(base, "package");
  prefix = join(base, "prefix");
  const { startLocalRegistry } = await import(join(repository, "tooling/checks/local-registry.mjs"));
  registry = (await startLocalRegistry()) as Registry;
  command([...forms.executable, "create-strategy", "mirror", "--directory", scaffolded]);
  command(["npm", "pack", "--silent"], scaffolded);
  const archive = join(scaffolded, "holdfast-storage-mirror-0.1.0.tgz");
  // Not synchronous: the registry answers from this very process.
  const options = [`--@holdfast:registry=${registry.url}`, "--prefer-offline", "--no-audit", "--no-fund"];
  await ended(spawn("npm", ["install", "--prefix", prefix, ...options, archive], { stdio: "inherit", cwd: base }));
});
afterAll(async () => {
  await registry.close();
  rmSync(base, { recursive: true });
});

test("its types hold, and it passes the suite's first levels as it is written", () => {
  const modules = join(scaffolded, "node_modules");
  const link = (name: string, to: string) => {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(to, join(modules, name));
  };
  for (const name of ["core", "testkit"]) link(`@holdfast/${name}`, join(repository, "packages", name));
  link("zod", join(repository, "packages/core/node_modules/zod"));
  for (const name of ["vitest", "@types/node"]) link(name, join(repository, "node_modules", name));
  command([join(repository, "node_modules/.bin/tsc"), "-p", "."], scaffolded);
  const report = join(base, "report.json");
  const outputs = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  command([join(repository, "node_modules/.bin/vitest"), "run", ...outputs], scaffolded);
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"));
  expect(numFailedTests).toBe(0);
  expect(numPassedTests).toBeGreaterThan(10);
});

for (const [form, holdfast] of Object.entries(forms)) {
  test(`installed into an empty prefix it runs a failover (${form})`, async () => {
    const work = mkdtempSync(join(base, `${form}-`));
    const volume = join(work, "volume");
    mkdirSync(volume);
    command([...holdfast, "volume", "init", volume, "--service", "orders"]);
    const log = join(volume, "data/log");
    const program = `echo "$HOLDFAST_EPOCH $HOLDFAST_AGENT" >> ${log}; exec sleep 600`;
    const file = join(work, "orders.yaml");
    writeFileSync(file, JSON.stringify(serviceOf(volume, program)));
    const run = (agent: string) => {
      const flags = ["-f", file, "--plugin-dir", prefix, "--store", `dir://${join(work, "store")}`, "--agent", agent];
      const status = ["--status-socket", join(work, `${agent}.sock`)];
      const [program_ = "", ...args] = [...holdfast, "run", ...flags, ...status, "--wait", "--first-run"];
      return spawn(program_, args, { stdio: ["ignore", "ignore", "inherit"], cwd: "/" });
    };
    const lines = () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []);
    const first = run("a");
    let second: ChildProcess | undefined;
    try {
      await until("the first run", () => lines().length === 1, { timeoutMs: 30_000 });
      second = run("b");
      first.kill("SIGKILL");
      await ended(first, null);
      await until("the second run", () => lines().length === 2, { timeoutMs: 30_000 });
      const [one = "", two = ""] = lines();
      expect(Number(two.split(" ")[0])).toBeGreaterThan(Number(one.split(" ")[0]));
      second.kill("SIGTERM");
      await ended(second, null);
    } finally {
      first.kill("SIGKILL");
      second?.kill("SIGKILL");
    }
  });
}

function serviceOf(mountPath: string, program: string) {
  return {
    apiVersion: "holdfast/v1",
    kind: "Service",
    metadata: { name: "orders" },
    spec: {
      plugins: [{ package: "holdfast-storage-mirror", version: "0.1.0" }],
      engine: { type: "process", command: ["sh", "-c", program] },
      storage: [{ strategy: "mirror", mountPath }],
      exclusivity: { leaseMs: 10_000, renewMs: 500, stopBudgetMs: 2_000, marginMs: 4_000 },
      resources: { cpus: 1, memMiB: 64 },
    },
  };
}

/** `null`: whatever its exit code. */
async function ended(child: ChildProcess, wanted: number | null = 0): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  }
  if (wanted !== null) expect(child.exitCode).toBe(wanted);
}

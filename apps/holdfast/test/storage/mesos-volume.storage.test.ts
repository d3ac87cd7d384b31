// The real executable on directories and mounts as a Mesos agent lays them out. What Mesos would do between two launches is
// done by hand here: another agent name, a new and empty volume.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { executable } from "./suite.js";

const APPEND = ["sh", "-c", 'echo "$HOLDFAST_EPOCH" >>"$HOLDFAST_DATA_DIR/log"'];
const RUN_MS = 60_000;

let base: string;
let sandbox: string;
let mountPath: string;
let mounted: boolean;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-mesos-run-"));
  sandbox = join(base, "runs/R1");
  mountPath = join(base, "srv");
  for (const path of [sandbox, mountPath]) mkdirSync(path, { recursive: true });
  mounted = false;
});
afterEach(() => {
  unmount();
  rmSync(base, { recursive: true });
});

/** A persistent volume as Mesos makes it: an empty directory under a new id. */
function newVolume(uuid: string): string {
  const path = join(base, `mesos/volumes/roles/orders/orders-db#data#${uuid}`);
  mkdirSync(path, { recursive: true });
  return path;
}

function linkInSandbox(volume: string): void {
  rmSync(join(sandbox, "data"), { force: true });
  symlinkSync(volume, join(sandbox, "data"));
}

function mount(volume: string): void {
  unmount();
  execFileSync("mount", ["--bind", volume, mountPath]);
  mounted = true;
}

function unmount(): void {
  if (mounted) execFileSync("umount", [mountPath]);
  mounted = false;
}

function holdfast(...args: string[]): { readonly code: number | null; readonly text: string } {
  const [file = "", ...before] = executable;
  const { status, stdout, stderr } = spawnSync(file, [...before, ...args], {
    encoding: "utf8",
    timeout: RUN_MS,
    env: { ...process.env, MESOS_SANDBOX: sandbox },
  });
  return { code: status, text: `${stdout}${stderr}` };
}

/** One launch of the task, as Marathon starts it. */
function launch(agent: string, view: "sandbox" | "mount-path") {
  const file = join(base, "service.yaml");
  const service = {
    apiVersion: "holdfast/v1",
    kind: "Service",
    metadata: { name: "orders-db" },
    spec: {
      engine: { type: "process", command: APPEND },
      storage: [{ strategy: "mesos-volume", mountPath, diskMiB: 64, options: { view } }],
      exclusivity: { leaseMs: 12_000, renewMs: 1_000, stopBudgetMs: 1_500, marginMs: 4_700, guardMs: 500 },
      resources: { cpus: 1, memMiB: 64 },
    },
  };
  writeFileSync(file, JSON.stringify(service));
  return holdfast("run", "-f", file, "--store", `dir://${join(base, "store")}`, "--agent", agent, "--wait");
}

const mark = (volume: string) => holdfast("volume", "init", volume, "--service", "orders-db");
const epochs = (volume: string) => readFileSync(join(volume, "data/log"), "utf8").trim().split("\n").map(Number);

describe.each(["sandbox", "mount-path"] as const)("a Mesos volume, %s", (view) => {
  const show = view === "sandbox" ? linkInSandbox : mount;

  test("is marked once, outlives a new name of its agent, and nothing runs on the empty one of an agent gone", () => {
    const volume = newVolume("1");
    show(volume);
    const first = launch("node-1", view);
    expect([first.code, first.text]).toEqual([82, expect.stringContaining("VOLUME_UNMARKED")]);
    expect(first.text).toContain("holdfast volume init DIRECTORY --service orders-db --role data");
    expect(readdirSync(volume)).toEqual([]);
    expect(mark(volume).code).toBe(0);
    expect(launch("node-1", view)).toMatchObject({ code: 0 });

    // The same machine, as Mesos knows it after a reboot.
    const renamed = launch("node-1-renamed", view);
    expect([renamed.code, renamed.text]).toEqual([0, expect.any(String)]);
    const before = epochs(volume);
    expect(before).toHaveLength(2);
    expect(before[1]).toBeGreaterThan(before[0] ?? Number.NaN);

    // TASK_GONE_BY_OPERATOR: the same task, another agent, another volume.
    const fresh = newVolume("2");
    show(fresh);
    const gone = launch("node-2", view);
    expect([gone.code, gone.text]).toEqual([82, expect.stringContaining("IDENTITY_MISMATCH")]);
    expect(gone.text).toContain("an empty directory");
    expect(gone.text).not.toContain("volume init");
    expect(readdirSync(fresh)).toEqual([]);
    expect(mark(fresh).code).toBe(0);
    const marked = launch("node-2", view);
    expect([marked.code, marked.text]).toEqual([82, expect.stringContaining("IDENTITY_MISMATCH")]);
    expect(readdirSync(join(fresh, "data"))).toEqual([]);

    show(volume);
    expect(launch("node-1", view)).toMatchObject({ code: 0 });
    expect(epochs(volume)).toHaveLength(3);
  });
});

test("a directory that is there in place of the volume is refused, and nothing is written to it", () => {
  const { code, text } = launch("node-1", "mount-path");
  expect([code, text]).toEqual([81, expect.stringContaining("Mesos shows no persistent volume")]);
  expect(readdirSync(mountPath)).toEqual([]);
});

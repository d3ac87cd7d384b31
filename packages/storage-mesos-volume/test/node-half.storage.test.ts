import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decideVolume, type Op, type Volume, volumeEpochFormat, volumeMarkFormat } from "@holdfast/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMesosVolumeStrategy, type RestoreSource } from "../src/index.js";
import { grantOf, realOp } from "./real-op.js";

// The real mount(8) and real directories of this machine, laid out as an agent does (paths.cpp); needs root.

let base: string;
let sandbox: string;
/** What a persistent volume is: `<work_dir>/volumes/roles/<role>/<id>`. */
let persistent: string;
let mountPath: string;
let op: Op;
const bound: string[] = [];
const VOLUME_ID = "0d2f7c5e-0000-4000-8000-000000000001";

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-mesos-volume-"));
  sandbox = join(base, "mesos/slaves/S0/frameworks/F0/executors/db/runs/R1");
  persistent = join(base, "mesos/volumes/roles/eng db/group_db#data#3f0c");
  mountPath = join(base, "srv");
  for (const path of [sandbox, persistent, mountPath]) mkdirSync(path, { recursive: true });
  op = realOp(base);
});
afterEach(() => {
  for (const path of bound.splice(0).reverse()) execFileSync("umount", [path]);
  rmSync(base, { recursive: true });
});

function bind(from: string, to: string): void {
  execFileSync("mount", ["--bind", from, to]);
  bound.push(to);
}

const volumeOf = (options: object): Volume => ({ service: "db", role: "data", mountPath, diskMiB: null, options });
const strategyOf = (restoreSource?: RestoreSource) =>
  createMesosVolumeStrategy({ sandbox, ...(restoreSource === undefined ? {} : { restoreSource }) });

function mark(root: string, volumeId = VOLUME_ID): void {
  mkdirSync(join(root, ".holdfast"), { recursive: true });
  const createdAt = "2026-01-02T03:04:05.000Z";
  const record = { v: 1, volumeId, service: "db", layout: "data", createdAt, role: "data" } as const;
  writeFileSync(join(root, ".holdfast/volume.json"), volumeMarkFormat.serialize(record));
}

/** One life, each call twice; something is written at the mount path. */
async function live(volume: Volume, file: string): Promise<void> {
  const strategy = strategyOf();
  const grant = grantOf(1n);
  for (let call = 0; call < 2; call += 1) await strategy.prepare(op, volume, { agent: "a" }, grant);
  expect(await strategy.check(op, volume)).toMatchObject({ state: "clean" });
  for (let call = 0; call < 2; call += 1) await strategy.mount(op, volume, { agent: "a" }, grant);
  expect(await strategy.verify(op, volume)).toMatchObject({ mounted: true, locking: "local-only" });
  expect(await strategy.cut(op, volume)).toMatchObject({ kind: "cut" });
  writeFileSync(join(mountPath, file), "");
  expect((await strategy.metrics(op, volume)).spaceFreeBytes).toBeGreaterThan(0);
  for (let call = 0; call < 2; call += 1) await strategy.unmount(op, volume);
  await strategy.release();
}

describe("shown at the mount path", () => {
  test("is used as Mesos mounted it, and stays mounted", async () => {
    bind(persistent, mountPath);
    await live(volumeOf({ mesosRole: "eng/db" }), "written");
    expect(readdirSync(persistent)).toEqual(["written"]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toContain(mountPath);
    const seen = await strategyOf().verify(op, volumeOf({}));
    expect(seen.source).toBe("group_db#data#3f0c");
  });

  test("through the sandbox, as a task sees it", async () => {
    const inside = join(sandbox, "data");
    mkdirSync(inside);
    bind(persistent, inside);
    bind(inside, mountPath);
    await live(volumeOf({}), "written");
    expect(readdirSync(persistent)).toEqual(["written"]);
  });

  test("a directory of the sandbox that was bound before the volume came is not taken for it", async () => {
    const inside = join(sandbox, "data");
    mkdirSync(inside);
    bind(inside, mountPath);
    bind(persistent, inside);
    const call = strategyOf().prepare(op, volumeOf({}), {}, grantOf(1n));
    await expect(call).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await strategyOf().verify(op, volumeOf({}))).toMatchObject({ mounted: false });
  });

  test("a bare directory at the mount path is not the volume", async () => {
    const call = strategyOf().prepare(op, volumeOf({}), {}, grantOf(1n));
    await expect(call).rejects.toMatchObject({ code: "NOT_FOUND", hint: expect.stringContaining("filesystem/linux") });
  });
});

describe("bound from the sandbox", () => {
  test("follows the link that an agent without filesystem/linux makes", async () => {
    symlinkSync(persistent, join(sandbox, "data"));
    rmSync(mountPath, { recursive: true });
    await live(volumeOf({ view: "sandbox" }), "written");
    expect(readdirSync(persistent)).toEqual(["written"]);
    expect(readdirSync(mountPath)).toEqual([]);
    expect(lstatSync(join(sandbox, "data")).isSymbolicLink()).toBe(true);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(mountPath);
  });

  test("takes the directory itself, and another name", async () => {
    mkdirSync(join(sandbox, "pg"));
    bind(persistent, join(sandbox, "pg"));
    await live(volumeOf({ view: "sandbox", name: "pg" }), "written");
    expect(readdirSync(persistent)).toEqual(["written"]);
  });

  test("or the path on the agent, for a run that is no task", async () => {
    await live(volumeOf({ view: "sandbox", path: persistent }), "written");
    expect(readdirSync(persistent)).toEqual(["written"]);
  });

  test("makes no directory that should be there, and follows no link into nothing", async () => {
    for (const prepare of [() => undefined, () => symlinkSync(join(base, "gone"), join(sandbox, "data"))]) {
      prepare();
      const volume = volumeOf({ view: "sandbox" });
      const call = strategyOf().prepare(op, volume, {}, grantOf(1n));
      await expect(call).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(strategyOf().mount(op, volume, {}, grantOf(1n))).rejects.toMatchObject({ code: "NOT_FOUND" });
      await strategyOf().unmount(op, volume);
    }
    expect(existsSync(join(base, "gone"))).toBe(false);
  });

  test("refuses an epoch that is older than the volume's", async () => {
    mkdirSync(join(persistent, ".holdfast"));
    const at = "2026-01-02T03:04:05.000Z";
    const record = { v: 1, epoch: 7n, run: "run-00009", agent: "a", leaseMs: 30_000, at } as const;
    writeFileSync(join(persistent, ".holdfast/epoch.json"), volumeEpochFormat.serialize(record));
    const volume = volumeOf({ view: "sandbox", path: persistent });
    const call = strategyOf().mount(op, volume, {}, grantOf(6n));
    await expect(call).rejects.toMatchObject({ code: "STALE_EPOCH" });
  });
});

describe("an operator marks the agent gone", () => {
  const elsewhere = () => volumeOf({ onAgentLoss: "restore-elsewhere" });
  const source: RestoreSource = {
    async restore(real, { into }) {
      await real.exec("touch", [join(into, "rows")], { timeoutMs: 5_000 });
      return { from: "nightly-7", lossMsMax: 3_600_000 };
    },
  };
  const decide = async (volume: Volume, restores: boolean) => {
    const seen = await strategyOf().verify(op, volume);
    const recorded = { volumeId: VOLUME_ID, agent: "a", restores };
    return decideVolume(seen, { service: "db", epoch: 9n, run: "run-00009", recorded });
  };

  test("the new, empty volume is told by its missing mark, and what was on the old one is not looked for", async () => {
    mark(persistent);
    const fresh = join(base, "mesos/volumes/roles/eng db/group_db#data#77aa");
    mkdirSync(fresh);
    bind(fresh, mountPath);
    expect(await decide(volumeOf({}), false)).toMatchObject({
      kind: "refused",
      code: "IDENTITY_MISMATCH",
      message: expect.stringContaining("an empty directory"),
    });
    expect(readdirSync(fresh)).toEqual([]);
    execFileSync("umount", [mountPath]);
    bound.pop();
    bind(persistent, mountPath);
    expect(await decide(volumeOf({}), false)).toMatchObject({ kind: "usable" });
  });

  test("marking the new one by hand does not make it the one on record", async () => {
    mark(persistent, "0d2f7c5e-0000-4000-8000-000000000002");
    bind(persistent, mountPath);
    expect(await decide(volumeOf({}), false)).toMatchObject({ code: "IDENTITY_MISMATCH" });
  });

  test("a restore fills it where the policy permits, marks it anew, and says what may be lost", async () => {
    bind(persistent, mountPath);
    expect(await decide(elsewhere(), true)).toMatchObject({ hint: expect.stringContaining("a restore fills") });
    const strategy = strategyOf(source);
    const receipt = await strategy.restore(op, elsewhere(), "latest-verified", grantOf(9n, "b"));
    expect(receipt).toMatchObject({ epoch: 9n, from: "nightly-7", lossMsMax: 3_600_000 });
    expect(readdirSync(join(persistent, "data"))).toEqual(["rows"]);
    const { volumeId } = volumeMarkFormat.parse(readFileSync(join(persistent, ".holdfast/volume.json")));
    expect(volumeId).not.toBe(VOLUME_ID);
  });

  test("without the policy, or without a source, nothing is restored", async () => {
    bind(persistent, mountPath);
    const denied = strategyOf(source).restore(op, volumeOf({}), "x", grantOf(9n));
    await expect(denied).rejects.toMatchObject({ code: "DENIED" });
    const none = strategyOf().restore(op, elsewhere(), "x", grantOf(9n));
    await expect(none).rejects.toMatchObject({ code: "UNSUPPORTED" });
    expect(readdirSync(persistent)).toEqual([]);
  });
});

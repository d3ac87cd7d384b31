import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Volume, volumeEpochFormat } from "@holdfast/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLocalPinStrategy } from "../src/index.js";
import { grantOf, realOp } from "./real-op.js";

// The real mount(8) on a real directory of this machine; needs root.

let base: string;
let volume: Volume;
const strategy = createLocalPinStrategy();
const context = { agent: "a" };

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-local-pin-"));
  mkdirSync(join(base, "disk"));
  volume = {
    service: "db",
    role: "data",
    mountPath: join(base, "mount"),
    diskMiB: null,
    options: { path: join(base, "disk") },
  };
});
afterEach(async () => {
  await strategy.unmount(realOp(base), volume);
  rmSync(base, { recursive: true });
});

function markEpoch(epoch: bigint): void {
  mkdirSync(join(base, "disk/.holdfast"));
  const record = {
    v: 1,
    epoch,
    run: "run-00009",
    agent: "a",
    leaseMs: 30_000,
    at: "2026-01-02T03:04:05.000Z",
  } as const;
  writeFileSync(join(base, "disk/.holdfast/epoch.json"), volumeEpochFormat.serialize(record));
}

test("goes through its life twice, each call twice", async () => {
  const op = realOp(base);
  const grant = grantOf(1n);
  for (let round = 0; round < 2; round += 1) {
    for (let call = 0; call < 2; call += 1) await strategy.prepare(op, volume, context, grant);
    expect(await strategy.check(op, volume)).toMatchObject({ state: "clean" });
    for (let call = 0; call < 2; call += 1) await strategy.mount(op, volume, context, grant);
    expect(await strategy.verify(op, volume)).toMatchObject({ mounted: true, locking: "local-only" });
    writeFileSync(join(volume.mountPath, `round-${round}`), "");
    expect((await op.mounts()).filter(({ mountPoint }) => mountPoint === volume.mountPath)).toHaveLength(1);
    for (let call = 0; call < 2; call += 1) await strategy.unmount(op, volume);
    for (let call = 0; call < 2; call += 1) await strategy.release();
    expect(await strategy.verify(op, volume)).toMatchObject({ mounted: false });
    expect((await op.mounts()).filter(({ mountPoint }) => mountPoint === volume.mountPath)).toHaveLength(0);
  }
  expect(readdirSync(join(base, "disk"))).toEqual(["round-0", "round-1"]);
  expect(readdirSync(volume.mountPath)).toEqual([]);
});

test("does not make the directory that should be there", async () => {
  rmSync(join(base, "disk"), { recursive: true });
  const op = realOp(base);
  await expect(strategy.prepare(op, volume, context, grantOf(1n))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(strategy.mount(op, volume, context, grantOf(1n))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await strategy.unmount(op, volume);
  expect(readdirSync(base)).not.toContain("disk");
});

test("refuses an epoch that is older than the volume's", async () => {
  markEpoch(7n);
  const op = realOp(base);
  await expect(strategy.prepare(op, volume, context, grantOf(6n))).rejects.toMatchObject({ code: "STALE_EPOCH" });
  await expect(strategy.mount(op, volume, context, grantOf(6n))).rejects.toMatchObject({ code: "STALE_EPOCH" });
  await strategy.mount(op, volume, context, grantOf(7n));
});

test("refuses a context that was made for another agent", async () => {
  const call = strategy.prepare(realOp(base), volume, { agent: "b" }, grantOf(1n));
  await expect(call).rejects.toMatchObject({ code: "HELD_BY_OTHER", retryable: true });
});

test("mounts over nothing that is mounted there already", async () => {
  const op = realOp(base);
  mkdirSync(volume.mountPath);
  const other = join(base, "other");
  mkdirSync(other);
  await op.exec("mount", ["--bind", other, volume.mountPath], { timeoutMs: 5_000 });
  try {
    const call = strategy.mount(op, volume, context, grantOf(1n));
    await expect(call).rejects.toMatchObject({ code: "IDENTITY_MISMATCH" });
    expect(await strategy.verify(op, volume)).toMatchObject({ mounted: false });
    await strategy.unmount(op, volume);
    expect((await op.mounts()).filter(({ mountPoint }) => mountPoint === volume.mountPath)).toHaveLength(1);
  } finally {
    await op.exec("umount", [volume.mountPath], { timeoutMs: 5_000 });
  }
});

test("is busy while a file is open, and unmounted when it is closed", async () => {
  const op = realOp(base);
  await strategy.mount(op, volume, context, grantOf(1n));
  const file = await open(join(volume.mountPath, "open"), "w");
  await expect(strategy.unmount(op, volume)).rejects.toMatchObject({ code: "BUSY", retryable: true });
  await file.close();
  await strategy.unmount(op, volume);
  expect(await strategy.verify(op, volume)).toMatchObject({ mounted: false });
});

test("does not take a link for a mount", async () => {
  symlinkSync(join(base, "disk"), volume.mountPath);
  const op = realOp(base);
  expect(await strategy.verify(op, volume)).toMatchObject({ mounted: false });
});

test("measures what is spare, and inspects", async () => {
  const op = realOp(base);
  const metrics = await strategy.metrics(op, volume);
  expect(metrics.detail.spareMiB).toBe(Math.floor(metrics.spaceFreeBytes / 1_048_576));
  expect(metrics.spaceFreeBytes).toBeGreaterThan(0);
  const findings = await strategy.inspect(op, { ...volume, diskMiB: 1_000_000_000 });
  expect(findings.map(({ code }) => code)).toContain("TOO_SMALL");
});

test("works without a mount where the data lies at the mount path", async () => {
  const op = realOp(base);
  const plain: Volume = { ...volume, mountPath: join(base, "disk"), options: {} };
  await strategy.prepare(op, plain, context, grantOf(1n));
  await strategy.mount(op, plain, context, grantOf(1n));
  expect(await strategy.verify(op, plain)).toMatchObject({ mounted: true });
  await strategy.unmount(op, plain);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(base);
});

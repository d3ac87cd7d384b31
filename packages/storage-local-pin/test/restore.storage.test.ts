import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Op, Volume } from "@holdfast/core";
import { volumeMarkFormat } from "@holdfast/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLocalPinStrategy, type RestoreSource } from "../src/index.js";
import { CRASH, crashingOp, grantOf, realOp } from "./real-op.js";

let base: string;
let disk: string;
let volume: Volume;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-local-pin-"));
  disk = join(base, "disk");
  mkdirSync(disk);
  volume = {
    service: "db",
    role: "data",
    mountPath: disk,
    diskMiB: null,
    options: { onAgentLoss: "restore-elsewhere" },
  };
});
afterEach(() => rmSync(base, { recursive: true }));

/** A data set of two files; a copy with one of them is what must never be taken for it. */
const source: RestoreSource = {
  async restore(op: Op, { into }) {
    expect(readdirSync(into)).toEqual([]);
    for (const name of ["first", "second"]) await op.exec("touch", [join(into, name)], { timeoutMs: 5_000 });
    return { from: "nightly-7", lossMsMax: 3_600_000 };
  },
};

const restore = (op: Op, epoch: bigint, from: RestoreSource | undefined = source) =>
  createLocalPinStrategy(from === undefined ? {} : { restoreSource: from }).restore(
    op,
    volume,
    "latest-verified",
    grantOf(epoch, "b"),
  );

const mark = () => {
  const file = join(disk, ".holdfast/volume.json");
  return existsSync(file) ? volumeMarkFormat.parse(readFileSync(file)) : null;
};
const state = (): unknown => JSON.parse(readFileSync(join(disk, ".holdfast/restore.json"), "utf8")).state;

test("fills an empty volume, marks it, and says what may be lost", async () => {
  const receipt = await restore(realOp(base), 4n);
  expect(receipt).toMatchObject({ epoch: 4n, from: "nightly-7", lossMsMax: 3_600_000 });
  expect(readdirSync(disk).sort()).toEqual([".holdfast", "data"]);
  expect(readdirSync(join(disk, "data")).sort()).toEqual(["first", "second"]);
  expect(mark()).toMatchObject({ service: "db", role: "data", layout: "data" });
});

test("tells the same again, and restores only once", async () => {
  const receipt = await restore(realOp(base), 4n);
  writeFileSync(join(disk, "data/written-since"), "");
  const never: RestoreSource = { restore: async () => expect.unreachable("restored over data") };
  expect(await restore(realOp(base), 5n, never)).toEqual(receipt);
  expect(existsSync(join(disk, "data/written-since"))).toBe(true);
});

// Killed before and after each of its effects, then asked again by another run: a volume that carries a mark has the
// whole data set at every moment, and the end is always the same.
test("comes to the same end after a crash at any effect", async () => {
  const trial = crashingOp(realOp(base), { effect: Number.POSITIVE_INFINITY, when: "before" });
  await restore(trial.op, 1n);
  const effects = trial.count();
  expect(effects).toBeGreaterThan(12);
  for (let effect = 1; effect <= effects; effect += 1) {
    for (const when of ["before", "after"] as const) {
      rmSync(disk, { recursive: true });
      mkdirSync(disk);
      const crash = await restore(crashingOp(realOp(base), { effect, when }).op, 2n).catch((error: unknown) => error);
      expect(crash === CRASH || (crash as Error).cause === CRASH, `${when} effect ${effect}: ${crash}`).toBe(true);
      if (mark() !== null) expect(readdirSync(join(disk, "data")).sort()).toEqual(["first", "second"]);
      await restore(realOp(base), 3n);
      expect(readdirSync(disk).sort()).toEqual([".holdfast", "data"]);
      expect(readdirSync(join(disk, "data")).sort()).toEqual(["first", "second"]);
      expect(mark()).not.toBeNull();
      expect(state()).toBe("done");
    }
  }
});

test.each([
  ["a file", () => writeFileSync(join(disk, "ibdata1"), "rows")],
  ["a data directory", () => mkdirSync(join(disk, "data"))],
  ["a scratch that nobody announced", () => mkdirSync(join(disk, "data.restoring"))],
  [
    "a mark",
    () => {
      mkdirSync(join(disk, ".holdfast"));
      const id = "0d2f7c5e-0000-4000-8000-000000000001";
      const foreign = {
        v: 1,
        volumeId: id,
        service: "other",
        layout: "data",
        createdAt: new Date().toISOString(),
        role: "data",
      } as const;
      writeFileSync(join(disk, ".holdfast/volume.json"), volumeMarkFormat.serialize(foreign));
    },
  ],
])("refuses a volume with %s, and changes nothing", async (_, fill) => {
  fill();
  const before = readdirSync(disk, { recursive: true }).sort();
  await expect(restore(realOp(base), 4n)).rejects.toMatchObject({ code: "RESTORE_FAILED" });
  expect(readdirSync(disk, { recursive: true }).sort()).toEqual(before);
});

test("leaves nothing that could be taken for data when the source fails or has nothing", async () => {
  const failing: RestoreSource = {
    async restore(op, request) {
      await op.exec("touch", [join(request.into, "first")], { timeoutMs: 5_000 });
      throw new Error("the repository is locked");
    },
  };
  const blank: RestoreSource = { restore: async () => ({ from: "nightly-8", lossMsMax: null }) };
  for (const from of [failing, blank]) {
    await expect(restore(realOp(base), 4n, from)).rejects.toMatchObject({ code: "RESTORE_FAILED" });
    expect(mark()).toBeNull();
    expect(existsSync(join(disk, "data"))).toBe(false);
    expect(state()).toBe("copying");
  }
  await restore(realOp(base), 5n);
});

test("stops between steps when the grant ends", async () => {
  const controller = new AbortController();
  const grant = { ...grantOf(4n, "b"), signal: controller.signal };
  const late: RestoreSource = {
    async restore(op, request) {
      const copied = await source.restore(op, request);
      controller.abort(new Error("the lease is lost"));
      return copied;
    },
  };
  const strategy = createLocalPinStrategy({ restoreSource: late });
  await expect(strategy.restore(realOp(base), volume, "latest-verified", grant)).rejects.toThrow("the lease is lost");
  expect(mark()).toBeNull();
});

test("is denied without the policy, and unsupported without a source", async () => {
  await expect(createLocalPinStrategy().restore(realOp(base), volume, "x", grantOf(1n))).rejects.toMatchObject({
    code: "UNSUPPORTED",
  });
  const wait = { ...volume, options: {} };
  const strategy = createLocalPinStrategy({ restoreSource: source });
  await expect(strategy.restore(realOp(base), wait, "x", grantOf(1n))).rejects.toMatchObject({ code: "DENIED" });
  expect(readdirSync(disk)).toEqual([]);
});

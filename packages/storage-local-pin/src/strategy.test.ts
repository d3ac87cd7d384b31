import { directoryFindings, type MountEntry, type Volume } from "@holdfast/core";
import { createFakeOp } from "@holdfast/testkit";
import { expect, test } from "vitest";
import { createLocalPinStrategy } from "./strategy.js";

const volume: Volume = { service: "db", role: "data", mountPath: "/srv/db", diskMiB: 1_000, options: {} };
const withOptions = (options: unknown): Volume => ({ ...volume, options });
const source = { restore: async () => ({ from: "nightly-1", lossMsMax: null }) };

const mount = (mountPoint: string, fsType: string, options: readonly string[] = ["rw"]): MountEntry => ({
  mountId: 1,
  parentId: 0,
  device: "8:1",
  root: "/",
  mountPoint,
  options,
  fsType,
  source: "/dev/sda1",
  superOptions: ["rw"],
});

test.each([
  [{ path: "relative" }, "options.path"],
  [{ path: "/ends/with/" }, "options.path"],
  [{ onAgentLoss: "hope" }, "options.onAgentLoss"],
  [{ pth: "/x" }, "options"],
  [{ agents: [] }, "options.agents"],
])("refuses the options %j and names the key", (options, key) => {
  expect(() => createLocalPinStrategy().capabilities(withOptions(options))).toThrow(
    expect.objectContaining({ code: "INVALID_SPEC", message: expect.stringContaining(key) }),
  );
});

test("mounts only where the data lies elsewhere", () => {
  const { capabilities } = createLocalPinStrategy();
  expect(capabilities(volume).mounts).toBe(false);
  expect(capabilities(withOptions({ path: "/srv/db" })).mounts).toBe(false);
  expect(capabilities(withOptions({ path: "/disk/db" })).mounts).toBe(true);
});

test("declares a loss, and a restore, only where it may restore", () => {
  const elsewhere = withOptions({ onAgentLoss: "restore-elsewhere" });
  expect(createLocalPinStrategy().capabilities(volume)).toMatchObject({ restores: false, declaredLoss: null });
  expect(createLocalPinStrategy().capabilities(elsewhere)).toMatchObject({ restores: false });
  const able = createLocalPinStrategy({ restoreSource: source }).capabilities(elsewhere);
  expect(able.restores).toBe(true);
  expect(able.declaredLoss).toContain("after the backup");
});

test("says that the store keeps copies apart only where a copy may run elsewhere", () => {
  const text = (of: Volume) => createLocalPinStrategy().explain(of).statements.join(" ");
  expect(text(volume)).not.toContain("onStoreLoss");
  expect(text(withOptions({ onAgentLoss: "restore-elsewhere" }))).toContain("onStoreLoss must be stop");
});

test("cannot fence, and says what a person does", async () => {
  const former = { agent: "a", epoch: 1n, bootId: null };
  await expect(createLocalPinStrategy().fence(createFakeOp(), volume, former)).rejects.toMatchObject({
    code: "UNFENCEABLE",
    hint: expect.stringContaining("Look at a"),
  });
});

test("does not call a cut done where another machine may write", async () => {
  const strategy = createLocalPinStrategy();
  expect(await strategy.cut(createFakeOp({ mounts: [mount("/", "ext4")] }), volume)).toMatchObject({ kind: "cut" });
  const onNfs = createFakeOp({ mounts: [mount("/", "ext4"), mount("/srv/db", "nfs4")] });
  expect(await strategy.cut(onNfs, volume)).toMatchObject({ kind: "incomplete" });
});

test.each([
  ["nfs4", "NOT_LOCAL", "error"],
  ["fuse.glusterfs", "NOT_LOCAL", "error"],
  ["tmpfs", "VOLATILE", "error"],
  ["overlay", "CONTAINER_LAYER", "warning"],
])("finds fault with %s", (fsType, code, severity) => {
  const findings = directoryFindings("/srv/db", [mount("/", "ext4"), mount("/srv", fsType)], null, null);
  expect(findings).toContainEqual(expect.objectContaining({ code, severity }));
});

test("finds a read-only disk and one that is too small, and nothing on a good one", () => {
  const usage = { spaceBytes: 100 * 1024 * 1024, spaceFreeBytes: 0, inodesFree: null };
  const bad = directoryFindings("/srv/db", [mount("/srv", "ext4", ["ro"])], usage, 1_000);
  expect(bad.map(({ code }) => code)).toEqual(["READ_ONLY", "TOO_SMALL"]);
  expect(directoryFindings("/srv/db", [mount("/srv", "xfs")], usage, 100)).toEqual([]);
});

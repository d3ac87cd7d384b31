import type { AgentView, MountEntry, ObservedVolume, StorageRecord, Volume } from "@holdfast/core";
import { createFakeOp } from "@holdfast/testkit";
import { describe, expect, test } from "vitest";
import { createMesosVolumeStrategy } from "./strategy.js";

const volume: Volume = { service: "orders-db", role: "data", mountPath: "/srv/db", diskMiB: 1_000, options: {} };
const withOptions = (options: unknown): Volume => ({ ...volume, options });
const source = { restore: async () => ({ from: "nightly-1", lossMsMax: null }) };
const direct = {
  ...{ through: "mesos", mesosRole: "db", principal: "ops", agents: ["node-1"] },
  api: { endpoints: ["http://master.example:5050"] },
} as const;
const strategy = createMesosVolumeStrategy({ sandbox: "/sandbox" });

describe("options", () => {
  test.each<[object, string]>([
    [{ name: "a/b" }, "options.name"],
    [{ name: ".." }, "options.name"],
    [{ name: "" }, "options.name"],
    [{ mesosRole: "*" }, "options.mesosRole"],
    [{ mesosRole: "-x" }, "options.mesosRole"],
    [{ mesosRole: "a b" }, "options.mesosRole"],
    [{ mesosRole: "a/../b" }, "options.mesosRole"],
    [{ diskMiBMax: 5 }, "options.diskMiBMax"],
    [{ diskPath: "/disks/.*" }, "options.diskPath"],
    [{ disk: "path", diskPath: "(" }, "options.diskPath"],
    [{ path: "/var/lib/mesos/x" }, "options.path"],
    [{ through: "mesos" }, "options.agents"],
    [{ ...direct, agents: ["a", "b"] }, "options.agents"],
    [{ ...direct, principal: undefined }, "options.principal"],
    [{ ...direct, api: undefined }, "options.api"],
    [{ ...direct, disk: "mount" }, "options.diskPath"],
    [{ sise: 5 }, "options"],
  ])("refuses %j and names the key", (options, key) => {
    expect(() => strategy.capabilities(withOptions(options))).toThrow(
      expect.objectContaining({ code: "INVALID_SPEC", message: expect.stringContaining(`${key}:`) }),
    );
  });

  test("provisions and destroys only what it makes itself", () => {
    expect(strategy.capabilities(volume)).toMatchObject({ provisions: false, destroys: false, mounts: false });
    expect(strategy.capabilities(withOptions(direct))).toMatchObject({ provisions: true, destroys: true });
  });

  test("declares a restore, and a loss, only where both policy and source are there", () => {
    const elsewhere = withOptions({ onAgentLoss: "restore-elsewhere" });
    expect(strategy.capabilities(volume)).toMatchObject({ restores: false, declaredLoss: null });
    expect(strategy.capabilities(elsewhere).restores).toBe(false);
    const able = createMesosVolumeStrategy({ restoreSource: source, sandbox: null }).capabilities(elsewhere);
    expect(able.restores).toBe(true);
    expect(able.declaredLoss).toContain("after the backup");
  });
});

describe("what Marathon is asked for", () => {
  test("size, disk and name, and no place that changes", () => {
    expect(strategy.schedulerVolume(volume)).toEqual({
      ...{
        name: "data",
        sizeMiB: 1_000,
        disk: "root",
        sizeMiBMax: null,
        diskPath: null,
        atMountPath: true,
        agents: null,
      },
    });
    const own = withOptions({ disk: "mount", diskMiBMax: 2_000, diskPath: "/d/.*", view: "sandbox", agents: ["a"] });
    expect(strategy.schedulerVolume(own)).toMatchObject({
      ...{ disk: "mount", sizeMiBMax: 2_000, diskPath: "/d/.*", atMountPath: false, agents: ["a"] },
    });
  });

  test.each<[string, Volume, string]>([
    ["no size", { ...volume, diskMiB: null }, "INVALID_SPEC"],
    ["a maximum that is not above the size", withOptions({ disk: "mount", diskMiBMax: 1_000 }), "INVALID_SPEC"],
    ["a volume that Marathon did not make", withOptions(direct), "UNSUPPORTED"],
  ])("is refused with %s", (_, wrong, code) => {
    expect(() => strategy.schedulerVolume(wrong)).toThrow(expect.objectContaining({ code }));
  });
});

describe("placement and plan", () => {
  const record: StorageRecord = {
    ...{ v: 1, service: "orders-db", role: "data", strategy: "mesos-volume", restore: null, lossReceipts: [] },
    pin: { agent: "a", at: "2026-01-02T03:04:05.000Z", why: "its first run is there" },
    initialised: null,
  };
  const observed = (recorded: StorageRecord | null, on: string | null = null): ObservedVolume => ({
    ...{ exists: true, attachments: [], fenced: [], recorded, detail: { on } },
  });
  const agents = (...names: string[]): AgentView[] => names.map((id) => ({ id, reachable: true, spareMiB: null }));
  const lost: AgentView[] = [{ id: "a", reachable: false, spareMiB: null }, ...agents("b")];

  test("anywhere, or where it may be made, until it is on record", () => {
    expect(strategy.placement(volume, observed(null), agents("a", "b"))).toEqual({ kind: "any" });
    const only = withOptions({ agents: ["b", "c"] });
    expect(strategy.placement(only, observed(null), agents("a", "b"))).toMatchObject({ kind: "agents", agents: ["b"] });
    expect(strategy.placement(only, observed(null), agents("a"))).toMatchObject({ kind: "wait" });
  });

  test("waits for a lost agent, says which, and that nothing is wiped", () => {
    expect(strategy.placement(volume, observed(record), agents("a", "b"))).toMatchObject({ agents: ["a"] });
    for (const views of [lost, agents("b")]) {
      const placement = strategy.placement(volume, observed(record), views);
      expect(placement).toMatchObject({ kind: "wait", why: expect.stringContaining("waits for a. Nothing is wiped") });
    }
  });

  test("with a restore permitted it still waits: that a volume is lost is a person's decision", () => {
    const elsewhere = withOptions({ onAgentLoss: "restore-elsewhere" });
    const able = createMesosVolumeStrategy({ restoreSource: source, sandbox: null });
    expect(able.placement(elsewhere, observed(record), lost)).toMatchObject({ kind: "wait" });
  });

  test("follows the volume to an agent that came back under another name", () => {
    expect(strategy.placement(volume, observed(record, "b"), lost)).toMatchObject({
      ...{ kind: "agents", agents: ["b"], why: expect.stringContaining("which was a on record") },
    });
  });

  test("and waits while that one cannot be reached", () => {
    const away: AgentView[] = ["a", "b"].map((id) => ({ id, reachable: false, spareMiB: null }));
    expect(strategy.placement(volume, observed(record, "b"), away)).toMatchObject({ kind: "wait" });
  });

  test("a run goes on under whatever name: the mark decides, when it is verified", () => {
    const target = { agent: "b", epoch: 4n, former: [{ agent: "a", epoch: 3n, bootId: null }] };
    expect(strategy.plan(volume, observed(record), target)).toEqual({
      kind: "steps",
      steps: [{ verb: "attach", agent: "b", why: expect.stringContaining("on record is a") }],
    });
  });
});

describe("at the mount path", () => {
  const mount = (root: string, mountPoint = "/srv/db", fsType = "ext4"): MountEntry => ({
    ...{ mountId: 1, parentId: 0, device: "8:1", options: ["rw"], source: "/dev/sda1", superOptions: ["rw"] },
    ...{ root, mountPoint, fsType },
  });
  const VOLUME = "/var/lib/mesos/volumes/roles/db/orders-db#data#3f0c";
  const grant = { service: "orders-db", epoch: 1n, run: "run-00001", agent: "a", signal: new AbortController().signal };
  const op = (root: string, mountPoint?: string) =>
    createFakeOp({ mounts: [mount("/", "/"), mount(root, mountPoint)], volumes: { "/srv/db": { fsType: "ext4" } } });
  const prepare = (of: Volume, ...given: [string, string?]) => strategy.prepare(op(...given), of, {}, grant);

  test.each<[string, object, string]>([
    ["a volume of Marathon's on the work directory", {}, VOLUME],
    ["one of a nested role", { mesosRole: "eng/db" }, "/mesos/volumes/roles/eng db/g_orders-db#data#1"],
    ["one on a file system of its own", {}, "/volumes/roles/db/orders-db#data#1"],
    ["a whole disk, which names nothing", { disk: "mount" }, "/"],
    ["one of our own", direct, "/mesos/volumes/roles/db/holdfast.orders-db.data"],
  ])("takes %s", async (_, options, root) => {
    await prepare(withOptions(options), root);
    expect(await strategy.verify(op(root), withOptions(options))).toMatchObject({ mounted: true });
  });

  test("names the volume as Mesos does", async () => {
    expect((await strategy.verify(op(VOLUME), volume)).source).toBe("orders-db#data#3f0c");
  });

  test.each<[string, object, string, string | undefined, string]>([
    [
      "a directory of the sandbox, when the volume came later",
      {},
      "/mesos/slaves/S0/frameworks/F/runs/R/data",
      undefined,
      "NOT_FOUND",
    ],
    ["a directory inside of a volume", {}, VOLUME, "/srv", "NOT_FOUND"],
    ["a directory that merely exists", {}, VOLUME, "/srv/other", "NOT_FOUND"],
    ["another volume of the app", {}, "/mesos/volumes/roles/db/orders-db#logs#3f0c", undefined, "IDENTITY_MISMATCH"],
    ["a volume of another role", { mesosRole: "web" }, VOLUME, undefined, "IDENTITY_MISMATCH"],
  ])("refuses %s", async (_, options, root, mountPoint, code) => {
    await expect(prepare(withOptions(options), root, mountPoint)).rejects.toMatchObject({ code });
    await expect(strategy.mount(op(root, mountPoint), withOptions(options), {}, grant)).rejects.toMatchObject({ code });
    expect(await strategy.verify(op(root, mountPoint), withOptions(options))).toMatchObject({ mounted: false });
  });

  test("without a sandbox a volume that is bound from it is not found", async () => {
    const outside = createMesosVolumeStrategy({ sandbox: null });
    const call = outside.prepare(op(VOLUME), withOptions({ view: "sandbox" }), {}, grant);
    await expect(call).rejects.toMatchObject({ code: "NOT_FOUND", hint: expect.stringContaining("options.path") });
    // Backing out of that succeeds: nothing was bound.
    await outside.unmount(op(VOLUME), withOptions({ view: "sandbox" }));
  });

  test("refuses a context that was made for another agent", async () => {
    const call = strategy.prepare(op(VOLUME), volume, { agent: "b" }, grant);
    await expect(call).rejects.toMatchObject({ code: "HELD_BY_OTHER", retryable: true });
  });

  test("cannot fence, and says what a person does", async () => {
    const former = { agent: "a", epoch: 1n, bootId: null };
    await expect(strategy.fence(createFakeOp(), volume, former)).rejects.toMatchObject({ code: "UNFENCEABLE" });
  });

  test("calls a cut done only on a disk of this machine", async () => {
    expect(await strategy.cut(op(VOLUME), volume)).toMatchObject({ kind: "cut" });
    const nfs = createFakeOp({ mounts: [mount("/", "/"), mount(VOLUME, "/srv/db", "nfs4")] });
    expect(await strategy.cut(nfs, volume)).toMatchObject({ kind: "incomplete" });
  });
});

import { expect, test } from "vitest";
import { HoldfastError, hasCode } from "./errors.js";
import { computeGrade, meetsGrade } from "./grade.js";
import { decideHealth } from "./health.js";
import { isReached, suspendedMs } from "./instant.js";
import { isReadOnly, mountOf, parseMountinfo } from "./mountinfo.js";
import { assemblePlugins } from "./plugin.js";
import type { RunStatus } from "./records/report.js";
import { serviceSchema } from "./service.js";
import type { VolumeEvidence } from "./storage/observation.js";
import { decideVolume } from "./volume-decision.js";

const seen: VolumeEvidence = {
  path: "/srv/db",
  mounted: true,
  source: "/dev/vdb",
  fsType: "ext4",
  device: "8:1",
  parentDevice: "8:0",
  readOnly: false,
  mark: {
    v: 1,
    volumeId: "5f0c1e1e-8a57-4b8e-9f53-0d6d6d1f0a11",
    service: "orders-db",
    layout: "data",
    createdAt: "2026-01-01T00:00:00Z",
    role: "data",
  },
  epoch: 4n,
  epochRun: "an-older-run",
  leaseMs: 30_000,
  empty: false,
  locking: "local-only",
};
const expected = { service: "orders-db", epoch: 5n, run: "this-run" };
const recorded = { volumeId: "5f0c1e1e-8a57-4b8e-9f53-0d6d6d1f0a11", agent: "a", restores: false };
const another = { ...recorded, volumeId: "5f0c1e1e-8a57-4b8e-9f53-0d6d6d1f0a22" };

test.each([
  ["a right volume is usable", {}, expected, { kind: "usable", neverRan: false }],
  [
    "a marked volume that never ran is usable and says so",
    { epoch: null },
    expected,
    { kind: "usable", neverRan: true },
  ],
  ["a missing one is refused", { mounted: false }, expected, { code: "VOLUME_MISSING" }],
  ["another device than at start is refused", {}, { ...expected, device: "8:9" }, { code: "VOLUME_CHANGED" }],
  [
    "a bare directory is refused where a mount is demanded",
    { device: "8:0" },
    { ...expected, mustBeMountPoint: true },
    { code: "VOLUME_MISSING" },
  ],
  ["an unmarked one is refused", { mark: null }, expected, { code: "VOLUME_UNMARKED" }],
  ["another service's is refused", {}, { ...expected, service: "other" }, { code: "IDENTITY_MISMATCH" }],
  ["the one on record is usable", {}, { ...expected, recorded }, { kind: "usable" }],
  [
    "an empty one in place of the one on record is a loss, whose remedy is not to mark it",
    { mark: null, empty: true },
    { ...expected, recorded },
    { code: "IDENTITY_MISMATCH", hint: expect.not.stringContaining("volume init") },
  ],
  [
    "where a restore may follow, the refusal says so",
    { mark: null, empty: true },
    { ...expected, recorded: { ...recorded, restores: true } },
    { code: "IDENTITY_MISMATCH", hint: expect.stringContaining("a restore fills the empty one") },
  ],
  [
    "another volume than the one on record is refused, marked or not",
    {},
    { ...expected, recorded: another },
    { code: "IDENTITY_MISMATCH", message: expect.stringContaining(another.volumeId) },
  ],
  ["a read-only one is refused", { readOnly: true }, expected, { code: "VOLUME_READ_ONLY" }],
  ["one that saw a higher epoch is refused", { epoch: 6n }, expected, { code: "STALE_EPOCH" }],
  ["one that another run used under my epoch is refused", { epoch: 5n }, expected, { code: "STALE_EPOCH" }],
  ["one that I marked myself is usable", { epoch: 5n, epochRun: "this-run" }, expected, { kind: "usable" }],
] as const)("%s", (_, overrides, expectation, decision) => {
  expect(decideVolume({ ...seen, ...overrides }, expectation)).toMatchObject(decision);
});

test("a grade is what was declared and proven, over several volumes the weakest", () => {
  const fenced = { declared: "storage-fenced", proven: "storage-fenced", why: "seen" } as const;
  expect(computeGrade([fenced]).grade).toBe("storage-fenced");
  expect(computeGrade([fenced, { declared: "storage-fenced", proven: "lease-only", why: "not seen" }]).grade).toBe(
    "lease-only",
  );
  expect(computeGrade([]).grade).toBe("none");
  expect(meetsGrade("lease-only", "agent-fenced")).toBe(false);
});

test("mountinfo: escapes, the mount that covers, and read-only states", () => {
  const text = [
    "21 1 254:0 / / rw,relatime - ext4 /dev/root rw",
    "30 21 8:1 / /srv/my\\040db rw,noatime shared:1 master:2 - xfs /dev/sdb1 rw,attr2",
    "31 30 0:50 / /srv/my\\040db ro - nfs4 filer:/x rw",
    "garbage",
  ].join("\n");
  const mounts = parseMountinfo(text);
  expect(mounts).toHaveLength(3);
  expect(mountOf(mounts, "/srv/my db/data")).toMatchObject({ mountId: 31, fsType: "nfs4", source: "filer:/x" });
  expect(mountOf(mounts, "/srv/my dbx")).toMatchObject({ mountId: 21 });
  expect(isReadOnly(mounts[2] as (typeof mounts)[number])).toBe(true);
});

test("a deadline is reached by whichever clock gets there first", () => {
  const deadline = { monoMs: 100, bootMs: 1_100 };
  expect(isReached(deadline, { monoMs: 99, bootMs: 1_099 })).toBe(false);
  expect(isReached(deadline, { monoMs: 50, bootMs: 1_100 })).toBe(true);
  expect(suspendedMs({ monoMs: 0, bootMs: 10 }, { monoMs: 5, bootMs: 115 })).toBe(100);
});

test("a phase within its limit is healthy, beyond it is not", () => {
  const status = { phase: "preparing", phaseMs: 900, phaseLimitMs: 1_000 } as RunStatus;
  expect(decideHealth(status).healthy).toBe(true);
  expect(decideHealth({ ...status, phaseMs: 1_001 }).healthy).toBe(false);
  expect(decideHealth({ ...status, phase: "waiting-for-lease", phaseLimitMs: null, holder: null }).healthy).toBe(true);
});

test("errors are told by code, also those of another copy of this package", () => {
  expect(hasCode(new HoldfastError("BUSY", "x", { hint: "y" }), "BUSY")).toBe(true);
  expect(hasCode({ code: "BUSY", hint: "y" }, "BUSY")).toBe(true);
  expect(hasCode(Object.assign(new Error("x"), { code: "ENOENT" }), "BUSY")).toBe(false);
});

test("plugins: another API version and a name clash are refused", () => {
  expect(() => assemblePlugins([{ from: "a", apiVersion: 2 }])).toThrow(
    expect.objectContaining({ code: "INCOMPATIBLE" }),
  );
  const strategies = [{ type: "s" }] as never;
  expect(() =>
    assemblePlugins([
      { from: "a", apiVersion: 1, strategies },
      { from: "b", apiVersion: 1, strategies },
    ]),
  ).toThrow(/Both a and b/);
});

test("a service file: unknown keys, an impossible budget and a shared mount path are named", () => {
  const file = {
    apiVersion: "holdfast/v1",
    kind: "Service",
    metadata: { name: "orders-db" },
    spec: {
      engine: { type: "mysql", version: "10.11" },
      storage: [{ strategy: "shared-fs", mountPath: "/srv/a" }],
      resources: { cpus: 1, memMiB: 512 },
    },
  };
  expect(serviceSchema.parse(file).spec.exclusivity.leaseMs).toBe(30_000);
  const bad = structuredClone(file) as typeof file & { spec: { exclusivity?: object; colour?: string } };
  bad.spec.exclusivity = { stopBudgetMs: 28_000 };
  bad.spec.colour = "red";
  bad.spec.storage.push({ strategy: "shared-fs", mountPath: "/srv/a" });
  const result = serviceSchema.safeParse(bad);
  const text = JSON.stringify(result.error?.issues);
  expect(text).toContain("colour");
  expect(
    serviceSchema.safeParse({ ...file, spec: { ...file.spec, exclusivity: { stopBudgetMs: 28_000 } } }).error?.issues[0]
      ?.message,
  ).toContain("stopBudgetMs 28000");
  const twice = { ...file.spec, storage: [file.spec.storage[0], file.spec.storage[0]] };
  expect(serviceSchema.safeParse({ ...file, spec: twice }).error?.issues[0]?.message).toContain(
    "mount path of storage entry 0 too",
  );
});

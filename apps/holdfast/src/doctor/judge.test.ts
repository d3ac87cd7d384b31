import type { MountEntry, VolumeEvidence, VolumeMark } from "@holdfast/core";
import type { VolumeLook } from "@holdfast/effects";
import { expect, test } from "vitest";
import { fileSystemKind } from "./file-systems.js";
import { judgePath } from "./judge.js";
import type { PathObservation, Usage } from "./observation.js";

const mark: VolumeMark = {
  v: 1,
  volumeId: "0d2f7c5e-0000-4000-8000-000000000001",
  service: "orders-db",
  layout: "data",
  createdAt: "2026-01-02T03:04:05.000Z",
  role: "data",
};
const roomy: Usage = { spaceBytes: 1_000_000, spaceFreeBytes: 500_000, inodesFree: 100 };

interface Seen {
  readonly evidence?: Partial<VolumeEvidence>;
  readonly mount?: Partial<MountEntry>;
  readonly claimFile?: VolumeLook["claimFile"];
  readonly usage?: Usage | null;
  readonly claim?: { readonly pid: number | null } | null;
}

function seen({
  evidence = {},
  mount = {},
  claimFile = "present",
  usage = roomy,
  claim = null,
}: Seen = {}): PathObservation {
  const fsType = mount.fsType ?? "ext4";
  const source = mount.source ?? "/dev/sdb1";
  const entry: MountEntry = {
    mountId: 2,
    parentId: 1,
    device: "8:17",
    root: "/",
    mountPoint: "/srv/db",
    options: ["rw", "relatime"],
    superOptions: ["rw"],
    fsType,
    source,
    ...mount,
  };
  return {
    kind: "seen",
    path: "/srv/db",
    usage,
    claim,
    look: {
      evidence: {
        path: "/srv/db",
        mounted: true,
        source,
        fsType,
        device: "8:17",
        parentDevice: "8:1",
        readOnly: false,
        mark,
        epoch: 7n,
        epochRun: "run-00007",
        leaseMs: 30_000,
        empty: false,
        locking: "unknown",
        ...evidence,
      },
      last: { epoch: 7n, run: "run-00007", agent: "agent-1", leaseMs: 30_000 },
      claimFile,
      mount: entry,
      realPath: "/srv/db",
    },
  };
}

const judge = (observation: PathObservation, service: string | null = "orders-db") =>
  judgePath(observation, { service });
const codes = (observation: PathObservation, service?: string | null) =>
  judge(observation, service).findings.map(({ severity, code }) => `${severity} ${code}`);

test("a marked volume on a local disk is safe, and says whose it is and who used it last", () => {
  expect(judge(seen())).toMatchObject({
    verdict: "safe",
    why: "it is the data volume of orders-db, last used under epoch 7",
    last: { epoch: 7n, agent: "agent-1" },
    grade: { grade: "lease-only" },
    strategy: "local-pin",
    findings: [],
  });
});

test("names the process that has it now, which is no fault", () => {
  const report = judge(seen({ claim: { pid: 4711 } }));
  expect(report.verdict).toBe("safe");
  expect(report.findings).toMatchObject([
    { severity: "info", code: "CLAIMED", message: expect.stringContaining("4711") },
  ]);
  expect(codes(seen({ claim: { pid: null } }))).toEqual(["info CLAIMED"]);
});

test("says what a path is even when it hangs", () => {
  const report = judge({
    kind: "problem",
    path: "/srv/db",
    problem: { code: "VOLUME_HUNG", message: "The volume did not answer within 5000 ms.", hint: "See the server." },
    mount: { mountPoint: "/srv/db", fsType: "nfs4", source: "filer:/db", options: ["rw"] },
  });
  expect(report).toMatchObject({ verdict: "unsafe", strategy: "shared-fs", mount: { source: "filer:/db" } });
  expect(report.findings).toEqual([expect.objectContaining({ severity: "error", code: "VOLUME_HUNG" })]);
});

test("a missing directory is unsafe", () => {
  expect(codes(seen({ evidence: { mounted: false } }))).toEqual(["error VOLUME_MISSING"]);
});

test("another service's volume is unsafe, and no service's is not asked about", () => {
  expect(codes(seen(), "other-db")).toEqual(["error IDENTITY_MISMATCH"]);
  expect(judge(seen(), null).verdict).toBe("safe");
});

test.each([
  [true, "info NOT_MARKED", "holdfast volume init /srv/db --service orders-db"],
  [false, "warning NOT_MARKED", "holdfast volume init /srv/db --service orders-db --adopt"],
])("an unmarked volume (empty: %s) says how it is marked", (empty, code, fix) => {
  const observation = seen({ evidence: { mark: null, empty, epoch: null } });
  expect(codes(observation)).toEqual([code]);
  expect(judge(observation)).toMatchObject({
    verdict: "not-marked",
    findings: [{ fix: expect.stringContaining(fix) }],
  });
});

test.each<[string, Seen, string]>([
  ["read-only", { evidence: { readOnly: true } }, "error READ_ONLY"],
  ["in memory", { mount: { fsType: "tmpfs", source: "tmpfs" } }, "error VOLATILE"],
  ["in a container's layer", { mount: { fsType: "overlay", source: "overlay" } }, "warning CONTAINER_LAYER"],
  ["a directory of the root", { mount: { mountPoint: "/" } }, "info NOT_A_MOUNT"],
  ["without barriers", { mount: { superOptions: ["rw", "nobarrier"] } }, "error NO_BARRIERS"],
  ["without a claim file", { claimFile: "missing" }, "warning NO_CLAIM_FILE"],
  ["full", { usage: { ...roomy, spaceFreeBytes: 0 } }, "error FULL"],
  ["out of inodes", { usage: { ...roomy, inodesFree: 0 } }, "error FULL"],
  ["nearly full", { usage: { ...roomy, spaceFreeBytes: 10_000 } }, "warning NEARLY_FULL"],
])("finds a volume that is %s", (_, what, code) => {
  expect(codes(seen(what))).toEqual([code]);
});

test("finds what is dangerous about an NFS mount", () => {
  const nfs = (options: readonly string[]) =>
    seen({ mount: { fsType: "nfs4", source: "filer:/db", superOptions: options } });
  expect(codes(nfs(["rw", "hard"]))).toEqual(["info LATE_WRITES"]);
  expect(codes(nfs(["rw", "soft"]))).toContain("error SOFT_MOUNT");
  expect(codes(nfs(["rw", "hard", "local_lock=all"]))).toContain("warning LOCAL_LOCKS");
  expect(codes(nfs(["rw", "hard", "local_lock=none"]))).not.toContain("warning LOCAL_LOCKS");
});

test("does not say how full it is when the file system does not", () => {
  expect(judge(seen({ usage: null }))).toMatchObject({ verdict: "safe", usage: null });
});

test.each([
  ["xfs", "/dev/sda1", "local-pin"],
  ["ext4", "/dev/nbd0", "nbd"],
  ["nfs", "filer:/x", "shared-fs"],
  ["fuse.glusterfs", "g1:/vol", "distributed-fs"],
  ["ceph", "10.0.0.1:/", "distributed-fs"],
  ["fuse", "mfs#10.0.0.1:9421", "distributed-fs"],
  ["exotic", "somewhere", null],
])("knows which strategy is made for %s on %s", (fsType, source, strategy) => {
  expect(fileSystemKind(fsType, source).strategy).toBe(strategy);
});

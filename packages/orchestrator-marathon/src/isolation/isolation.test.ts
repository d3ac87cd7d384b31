import { describe, expect, test } from "vitest";
import { makeService, STRATEGIES } from "../service.fixture.js";
import { type AgentFacts, type ClusterFacts, isolationLines, isolationOf } from "./isolation.js";

const strict: AgentFacts = {
  agent: "a.example",
  flags: {
    isolation: "filesystem/linux,cgroups/cpu,cgroups/mem,disk/xfs,network/ports",
    cgroups_enable_cfs: "true",
    enforce_container_disk_quota: "true",
  },
  ports: [{ begin: 6_000, end: 7_000 }],
};
/** What an agent has that was started with nothing. */
const bare: AgentFacts = { agent: "b.example", flags: {}, ports: [{ begin: 31_000, end: 32_000 }] };
const cluster = (agents: readonly AgentFacts[], change: Partial<ClusterFacts> = {}): ClusterFacts => ({
  agents,
  role: "holdfast",
  principal: "holdfast",
  ...change,
});
const service = makeService({
  storage: [{ role: "data", strategy: "shared-fs", mountPath: "/srv/orders-db", diskMiB: 1_024, options: {} }],
  resources: { cpus: 1, memMiB: 256, iops: { read: 1_000, write: 500 }, network: { egressMbit: 200 } },
});
const levels = (facts: ClusterFacts, volume: (typeof STRATEGIES)[keyof typeof STRATEGIES] = STRATEGIES["shared-fs"]) =>
  Object.fromEntries(isolationOf(service, [volume], facts).map(({ what, level }) => [what, level]));

describe("isolationOf", () => {
  test("says what agents with every isolator hold a service to, and what nobody can", () => {
    expect(levels(cluster([strict]))).toEqual({
      cpus: "limited",
      memory: "limited",
      "sandbox disk": "limited",
      "volume size": "in-vain",
      iops: "in-vain",
      egress: "in-vain",
      port: "limited",
    });
  });

  test("the weakest agent counts, and is named", () => {
    const rows = isolationOf(service, [STRATEGIES["shared-fs"]], cluster([strict, bare]));
    const row = (what: string) => rows.find((candidate) => candidate.what === what);
    expect(row("cpus")).toMatchObject({ level: "reserved", why: expect.stringContaining("(b.example)") });
    expect(row("port")).toMatchObject({ level: "reserved", why: "not offered by b.example" });
  });

  test("without bandwidth control, cpus are a share and no limit", () => {
    const shares = { ...strict, flags: { isolation: "cgroups/cpu" } };
    expect(levels(cluster([shares]))).toMatchObject({ cpus: "guaranteed", memory: "reserved" });
  });

  test("a disk isolator that does not enforce holds nobody to anything", () => {
    const counting = { ...strict, flags: { ...strict.flags, enforce_container_disk_quota: "false" } };
    expect(levels(cluster([counting]))).toMatchObject({ "sandbox disk": "reserved" });
  });

  test("a port that no agent offers is told before the app waits for ever", () => {
    expect(levels(cluster([bare]))).toMatchObject({ port: "in-vain" });
  });

  test("of agents that are not known nothing is promised", () => {
    const rows = isolationOf(service, [STRATEGIES["shared-fs"]], cluster([]));
    expect(rows.filter(({ level }) => level === "limited" || level === "guaranteed")).toEqual([]);
  });

  test.each([
    ["a role", { role: "*" }],
    ["a principal", { principal: null }],
  ])("a persistent volume is asked in vain without %s", (_, change) => {
    expect(levels(cluster([strict], change), STRATEGIES["mesos-volume"])).toMatchObject({
      "persistent volume": "in-vain",
    });
  });

  test("a persistent volume needs filesystem/linux, and a quota to be limited", () => {
    const volume = STRATEGIES["mesos-volume"];
    expect(levels(cluster([strict]), volume)).toMatchObject({ "persistent volume": "limited" });
    expect(levels(cluster([bare]), volume)).toMatchObject({ "persistent volume": "in-vain" });
    const noQuota = { ...strict, flags: { isolation: "filesystem/linux" } };
    expect(levels(cluster([noQuota]), volume)).toMatchObject({ "persistent volume": "reserved" });
    const bound = { ...volume, scheduler: { ...volume.scheduler, atMountPath: false } };
    expect(levels(cluster([bare]), bound)).toMatchObject({ "persistent volume": "reserved" });
  });

  test("whatever is not enforced says what would, and is printed", () => {
    for (const agents of [[strict], [bare], []]) {
      const rows = isolationOf(service, [STRATEGIES["shared-fs"]], cluster(agents));
      for (const { level, fix, what } of rows) if (level !== "limited") expect(fix, what).not.toBeNull();
      expect(isolationLines(rows).length).toBeGreaterThanOrEqual(rows.length);
    }
  });
});

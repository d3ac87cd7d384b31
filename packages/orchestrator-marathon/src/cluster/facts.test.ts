import type { MarathonInfo } from "@holdfast/marathon";
import type { MesosAgent, MesosFramework } from "@holdfast/mesos";
import { describe, expect, test } from "vitest";
import { DEFAULT_CLUSTER_TIMING } from "../budget/cluster-timing.js";
import { clusterView } from "./facts.js";

const info = (config: Record<string, unknown> = {}): MarathonInfo => ({
  ...{ name: "marathon", version: "1.10.26", frameworkId: "f-1" },
  marathon_config: { features: [], mesos_role: "db", reconciliation_interval: 60_000, ...config },
  zookeeper_config: { zk_session_timeout: 20_000 },
});
const framework = (principal: string | undefined, id = "f-1") =>
  ({ framework_info: { id, name: "marathon", roles: [], capabilities: [], principal } }) as unknown as MesosFramework;
const agent = (hostname: string) =>
  ({
    agent_info: { hostname, port: 5051, resources: [], attributes: [] },
    total_resources: [{ name: "ports", type: "RANGES", ranges: { range: [{ begin: 31_000, end: "32000" }] } }],
  }) as unknown as MesosAgent;
const flags = { isolation: "cgroups/cpu,cgroups/mem" };
const mesos = {
  masterFlags: { agent_ping_timeout: "30secs" },
  frameworks: [framework("ops")],
  agents: [{ agent: agent("a.example"), flags, problem: null }],
};

describe("clusterView", () => {
  test("nobody was asked: defaults, and that is said", () => {
    const { timing, facts, sources } = clusterView({ marathon: null, mesos: null });
    expect(timing).toEqual(DEFAULT_CLUSTER_TIMING);
    expect(facts).toEqual({ agents: [], role: undefined, principal: undefined });
    expect(sources.join(" ")).toMatch(/Marathon was not asked.*Mesos was not asked/);
  });

  test("both were asked: times of both, Marathon's role, its principal as the master knows it", () => {
    const { timing, facts, sources } = clusterView({ marathon: info(), mesos });
    expect(timing).toMatchObject({ agentPingTimeoutMs: 30_000, reconciliationMs: 60_000, marathonSessionMs: 20_000 });
    expect(facts).toEqual({
      agents: [{ agent: "a.example", flags, ports: [{ begin: 31_000, end: 32_000 }] }],
      ...{ role: "db", principal: "ops" },
    });
    expect(sources.join(" ")).toContain("1 of 1 agents");
  });

  test("no role and no principal are told apart from what is not known", () => {
    const none = { ...mesos, frameworks: [framework(undefined)] };
    expect(clusterView({ marathon: info({ mesos_role: undefined }), mesos: none }).facts).toMatchObject({
      role: null,
      principal: null,
    });
    expect(clusterView({ marathon: info(), mesos: null }).facts).toMatchObject({ role: "db", principal: undefined });
  });

  test("a master that does not know this Marathon", () => {
    const other = { ...mesos, frameworks: [framework("ops", "f-2")] };
    const { facts, sources } = clusterView({ marathon: info(), mesos: other });
    expect(facts.principal).toBeUndefined();
    expect(sources.join(" ")).toContain("those of one cluster");
  });

  test("agents that do not tell their flags are named, and not judged", () => {
    const silent = ["b", "c", "d", "e", "f"].map((name) => ({
      agent: agent(name),
      flags: null,
      problem: "DENIED: no",
    }));
    const { facts, sources } = clusterView({
      marathon: null,
      mesos: { ...mesos, agents: [...mesos.agents, ...silent] },
    });
    expect(facts.agents.map(({ agent: name }) => name)).toEqual(["a.example"]);
    expect(sources).toEqual(
      expect.arrayContaining(["The flags of b are not known: DENIED: no", "The same for 2 more agents."]),
    );
  });
});

import { HoldfastError } from "@holdfast/core";
import type { MesosAgent } from "@holdfast/mesos";
import { createFakeOp } from "@holdfast/testkit";
import { describe, expect, test } from "vitest";
import { type ClusterClients, readCluster } from "./read-cluster.js";

const agents = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    agent_info: { hostname: `agent-${String(n).padStart(3, "0")}`, resources: [], attributes: [] },
    total_resources: [],
  })) as unknown as MesosAgent[];

const mesosWith = (list: readonly MesosAgent[]): NonNullable<ClusterClients["mesos"]> => ({
  getFlags: async () => ({}),
  getAgents: async () => ({ agents: [...list], recovered_agents: [] }),
  getFrameworks: async () => ({ frameworks: [], completed_frameworks: [] }),
});

describe("readCluster", () => {
  test("agents are asked a few at a time, not more than two hundred, and told in their order", async () => {
    let [now, most, asked] = [0, 0, 0];
    const agent = () => ({
      async getFlags() {
        [now, asked] = [now + 1, asked + 1];
        most = Math.max(most, now);
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        return { isolation: "posix/cpu" };
      },
    });
    const view = await readCluster(createFakeOp(), { marathon: null, mesos: mesosWith(agents(230)), agent });
    expect([most, asked]).toEqual([8, 200]);
    expect(view.facts.agents.slice(0, 2).map(({ agent: name }) => name)).toEqual(["agent-000", "agent-001"]);
    expect(view.sources.join(" ")).toContain("200 of 230 agents");
  });

  test("an agent that refuses is part of the answer; a defect and an abort are not", async () => {
    const failing = (error: unknown) => ({
      ...{ marathon: null, mesos: mesosWith(agents(1)) },
      agent: () => ({ getFlags: () => Promise.reject(error) }),
    });
    const denied = new HoldfastError("DENIED", "401", { hint: "credentials" });
    const view = await readCluster(createFakeOp(), failing(denied));
    expect(view.sources).toContain("The flags of agent-000 are not known: DENIED: 401");
    await expect(readCluster(createFakeOp(), failing(new TypeError("a defect")))).rejects.toThrow("a defect");
    const reason = new Error("enough");
    const op = createFakeOp({ signal: AbortSignal.abort(reason) });
    await expect(readCluster(op, failing(denied))).rejects.toBe(reason);
  });
});

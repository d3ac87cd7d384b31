import type { Volume } from "@holdfast/core";
import { createFakeOp, createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMesosVolumeStrategy } from "../strategy.js";
import { impatientClock, MesosMaster, type Mishap, reservedOn } from "./mesos-master.fixture.js";
import { decideProvision } from "./provision-decision.js";

let loopback: Loopback;
beforeEach(() => {
  loopback = createLoopback();
});
afterEach(() => loopback.close());

const options = {
  ...{ through: "mesos", view: "sandbox", mesosRole: "web", principal: "ops", agents: ["node-1"] },
  api: { endpoints: ["http://master.example:5050"] },
} as const;
const volume: Volume = { service: "orders-db", role: "data", mountPath: "/srv/db", diskMiB: 1_024, options };
const with_ = (change: object): Volume => ({ ...volume, options: { ...options, ...change } });
const MADE = ["node-1: disk 1024 [web] holdfast.orders-db.data"];
const IDLE = "operator-GET_AGENTS-idle.response";

async function start(agents = IDLE) {
  const master = new MesosMaster(agents);
  // The agents' own static reservation is not what is looked at.
  const [before] = [reservedOn(master)];
  const client = await master.connect(loopback);
  const strategy = createMesosVolumeStrategy({ connect: () => client, sandbox: null });
  const op = createFakeOp({ clock: impatientClock() });
  const made = () => reservedOn(master).filter((line) => !before?.includes(line));
  return { master, strategy, op, made };
}

describe("provisioning", () => {
  test("reserves and makes the volume; a second call finds it", async () => {
    const { master, strategy, op, made } = await start();
    await strategy.provision(op, volume);
    expect(made()).toEqual(MADE);
    await strategy.provision(op, volume);
    expect(master.changes()).toEqual(["RESERVE_RESOURCES", "CREATE_VOLUMES"]);
  });

  test.each<Mishap>(["lost", "slow"])("an answer that is %s doubles nothing, at either change", async (mishap) => {
    for (const change of [1, 2]) {
      const { master, strategy, op, made } = await start();
      master.mishaps.set(change, mishap);
      await strategy.provision(op, volume);
      expect(made()).toEqual(MADE);
      expect(master.changes()).toEqual(["RESERVE_RESOURCES", "CREATE_VOLUMES"]);
    }
  });

  test("ended after the reservation, it goes on from there", async () => {
    const { master, strategy, op, made } = await start();
    master.mishaps.set(2, "refused");
    await expect(strategy.provision(op, volume)).rejects.toMatchObject({ code: "INVALID_SPEC" });
    expect(made()).toEqual(["node-1: disk 1024 [web]"]);
    await strategy.provision(op, volume);
    expect(made()).toEqual(MADE);
    expect(master.changes().filter((call) => call === "RESERVE_RESOURCES")).toHaveLength(1);
  });

  test("finds the volume under another agent id, and under another host name", async () => {
    const { master, strategy, op, made } = await start();
    await strategy.provision(op, volume);
    const { agent_info } = master.agent("node-1");
    agent_info.id.value = "a-new-id-S9";
    await strategy.provision(op, volume);
    agent_info.hostname = "node-1-renamed";
    await strategy.provision(op, volume);
    expect(made()).toHaveLength(1);
    expect(master.changes()).toHaveLength(2);
    const observed = await strategy.observe(op, volume);
    expect(observed.detail.on).toBe("node-1-renamed");
    const agents = [{ id: "node-1-renamed", reachable: true, spareMiB: null }];
    expect(strategy.placement(volume, observed, agents)).toMatchObject({ kind: "agents", agents: ["node-1-renamed"] });
  });

  test("makes nothing elsewhere while its agent is away", async () => {
    for (const recording of [
      "operator-GET_AGENTS-agent-unreachable.response",
      "operator-GET_AGENTS-recovering-after-master-restart.response",
    ]) {
      const { master, strategy, op } = await start(recording);
      await expect(strategy.provision(op, volume)).rejects.toMatchObject({ code: "BUSY", retryable: true });
      expect(master.changes()).toEqual([]);
    }
  });

  test.each<[string, object, number | null, string]>([
    ["more than the agent has", {}, 20_480, "NO_CAPACITY"],
    ["no size", {}, null, "INVALID_SPEC"],
    ["a disk that is not there", { disk: "path", diskPath: "disk9" }, 64, "NO_CAPACITY"],
  ])("refuses %s, and sends nothing", async (_, change, diskMiB, code) => {
    const { master, strategy, op } = await start();
    await expect(strategy.provision(op, { ...with_(change), diskMiB })).rejects.toMatchObject({ code });
    expect(master.changes()).toEqual([]);
  });

  test("counts what tasks have of the disk, and finds a volume in its own role only", async () => {
    const { master, strategy, op } = await start();
    const agent = master.agent("node-1");
    agent.allocated_resources = [{ name: "disk", type: "SCALAR", scalar: { value: 9_500 }, role: "*" }];
    await expect(strategy.provision(op, volume)).rejects.toMatchObject({ code: "NO_CAPACITY" });
    expect(master.changes()).toEqual([]);
    agent.allocated_resources = [];
    await strategy.provision(op, volume);
    const { agents, recovered_agents } = await (await master.connect(loopback)).getAgents();
    expect(recovered_agents).toEqual([]);
    const wanted = {
      ...{ id: "holdfast.orders-db.data", agent: "node-1", sizeMiB: 1_024, principal: "ops", containerPath: "data" },
      ...{ labels: { holdfast_service: "orders-db", holdfast_role: "data" }, source: undefined },
    };
    expect(decideProvision(agents, [], { ...wanted, role: "web" }).kind).toBe("exists");
    expect(decideProvision(agents, [], { ...wanted, role: "other" }).kind).toBe("reserve");
  });

  test("takes a disk of its own by its path", async () => {
    const { strategy, op, made } = await start();
    const disk = { ...with_({ disk: "path", diskPath: "disk1", agents: ["node-2"] }), diskMiB: 512 };
    await strategy.provision(op, disk);
    expect(made()).toEqual(["node-2: disk 512 [web] holdfast.orders-db.data"]);
  });

  test("refuses another size, and a reservation made twice", async () => {
    const { master, strategy, op } = await start();
    await strategy.provision(op, volume);
    await expect(strategy.provision(op, { ...volume, diskMiB: 2_048 })).rejects.toMatchObject({ code: "INCOMPATIBLE" });
    const twice = await start();
    twice.master.mishaps.set(2, "refused");
    await expect(twice.strategy.provision(op, volume)).rejects.toMatchObject({ code: "INVALID_SPEC" });
    const reserved = twice.master
      .agent("node-1")
      .total_resources?.find(({ reservations = [] }) => reservations.length > 0);
    if (reserved?.scalar === undefined) throw new Error("it is reserved");
    reserved.scalar.value *= 2;
    await expect(twice.strategy.provision(op, volume)).rejects.toMatchObject({ code: "INCOMPATIBLE" });
    expect(master.changes()).toHaveLength(2);
  });

  test("does not take a volume of its name that carries other labels", async () => {
    const { master, strategy, op } = await start();
    await strategy.provision(op, volume);
    for (const { reservations = [] } of master.agent("node-1").total_resources ?? []) {
      for (const entry of reservations) delete entry.labels;
    }
    await expect(strategy.provision(op, volume)).rejects.toMatchObject({ code: "INCOMPATIBLE" });
  });

  test("through Marathon it is Marathon's", async () => {
    const { master, strategy, op } = await start();
    const marathon = { ...volume, options: {} };
    await expect(strategy.provision(op, marathon)).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(strategy.destroy(op, marathon, { volumeId: "" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
    expect(master.calls).toEqual([]);
  });
});

describe("destroying", () => {
  const ID = { volumeId: "holdfast.orders-db.data" };

  test("needs the id, then leaves nothing reserved; again it succeeds", async () => {
    const { master, strategy, op, made } = await start();
    await strategy.provision(op, volume);
    await expect(strategy.destroy(op, volume, { volumeId: "yes" })).rejects.toMatchObject({ code: "DENIED" });
    expect(made()).toEqual(MADE);
    await strategy.destroy(op, volume, ID);
    await strategy.destroy(op, volume, ID);
    expect(made()).toEqual([]);
    expect(master.changes().slice(2)).toEqual(["DESTROY_VOLUMES", "UNRESERVE_RESOURCES"]);
  });

  test("leaves a volume that a task has", async () => {
    const { master, strategy, op, made } = await start();
    await strategy.provision(op, volume);
    const agent = master.agent("node-1");
    agent.allocated_resources = agent.total_resources?.filter(({ disk }) => disk?.persistence !== undefined) ?? [];
    await expect(strategy.destroy(op, volume, ID)).rejects.toMatchObject({ code: "BUSY" });
    expect(made()).toEqual(MADE);
  });

  test("does not take an agent that is away for a volume that is gone", async () => {
    const { master, strategy, op } = await start();
    await strategy.provision(op, volume);
    master.agents = master.agents.filter(({ agent_info }) => agent_info.hostname !== "node-1");
    await expect(strategy.destroy(op, volume, ID)).rejects.toMatchObject({ code: "BUSY", retryable: true });
  });
});

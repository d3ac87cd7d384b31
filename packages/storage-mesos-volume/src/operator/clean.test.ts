import { createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { auditReservations, type GivenUp, NOTHING_GIVEN_UP } from "./audit.js";
import { applyClean } from "./clean.js";
import { planClean } from "./clean-plan.js";
import { readCluster } from "./cluster.js";
import { impatientClock, MesosMaster, type Mishap, recorded, reservedOn } from "./mesos-master.fixture.js";
import type { OperatorContext } from "./settle.js";

let loopback: Loopback;
beforeEach(() => {
  loopback = createLoopback();
});
afterEach(() => loopback.close());

const { signal } = new AbortController();
const FRAMEWORK = "594384b0-9484-438b-91e6-b0ca63c20500-0000";

/** The reservations of a recording, under other labels: those of a framework, or of a service. */
function relabel(master: MesosMaster, labels: Readonly<Record<string, string>>): void {
  const set = { labels: Object.entries(labels).map(([key, value]) => ({ key, value })) };
  for (const agent of master.agents) {
    for (const list of [agent.total_resources ?? [], agent.allocated_resources ?? []]) {
      for (const resource of list) {
        const top = resource.reservations?.at(-1);
        if (top?.type !== "DYNAMIC") continue;
        top.labels = set;
        if (resource.reservation !== undefined) resource.reservation.labels = set;
      }
    }
  }
}

async function contextOf(master: MesosMaster): Promise<OperatorContext> {
  const clock = impatientClock();
  return { client: await master.connect(loopback), clock, signal, settleMs: 5_000 };
}

async function planOf(context: OperatorContext, givenUp: GivenUp = NOTHING_GIVEN_UP) {
  return planClean(auditReservations(await readCluster(context.client, signal), givenUp));
}

const OURS = { holdfast_service: "orders-db", holdfast_role: "data" };
const GIVEN_UP: GivenUp = { services: ["orders-db"], frameworks: [] };

test("the master of these tests turns a recorded request into what a real one showed after it", async () => {
  const master = new MesosMaster("operator-GET_AGENTS-idle.response");
  const { client } = await contextOf(master);
  const { reserve_resources } = recorded<{
    reserve_resources: { agent_id: { value: string }; resources: never[] };
  }>("operator-RESERVE_RESOURCES.request");
  await client.reserve(reserve_resources.agent_id.value, reserve_resources.resources);
  expect(reservedOn(master)).toEqual(reservedOn(new MesosMaster("operator-GET_AGENTS-after-reserve.response")));
});

describe("the audit", () => {
  const audited = async (agents: string, labels?: Readonly<Record<string, string>>, givenUp?: GivenUp) => {
    const master = new MesosMaster(agents);
    if (labels !== undefined) relabel(master, labels);
    return auditReservations(await readCluster((await contextOf(master)).client, signal), givenUp);
  };

  test("lists what a real master showed, and whose it is cannot be told without labels that are known", async () => {
    const entries = await audited("operator-GET_AGENTS-after-teardown.response");
    expect(entries).toMatchObject([
      {
        hostname: "node-1",
        role: "demo",
        principal: "demo-controller",
        owner: { kind: "unknown" },
        state: "kept",
        volumes: [{ id: "vol-db-0", sizeMb: 512 }],
      },
    ]);
  });

  test("static reservations are the agent's own and no entry", async () => {
    expect(await audited("operator-GET_AGENTS-idle.response")).toEqual([]);
  });

  test.each<[string, Readonly<Record<string, string>>, GivenUp, string]>([
    ["a service that is not given up", OURS, NOTHING_GIVEN_UP, "kept"],
    ["a service that is", OURS, GIVEN_UP, "orphaned"],
    ["a Marathon that is there", { marathon_framework_id: FRAMEWORK }, NOTHING_GIVEN_UP, "kept"],
    [
      "a Marathon that is there, though given up",
      { marathon_framework_id: FRAMEWORK },
      { services: [], frameworks: [FRAMEWORK] },
      "kept",
    ],
    ["a framework that nobody knows", { marathon_framework_id: "x-0000" }, NOTHING_GIVEN_UP, "kept"],
    [
      "a framework that nobody knows, given up",
      { marathon_framework_id: "x-0000" },
      { services: [], frameworks: ["x-0000"] },
      "orphaned",
    ],
  ])("what waits for %s", async (_, labels, givenUp, state) => {
    const entries = await audited("operator-GET_AGENTS-after-teardown.response", labels, givenUp);
    expect(entries.map((entry) => entry.state)).toEqual([state]);
  });

  test("a framework that the master removed leaves orphans", async () => {
    const master = new MesosMaster("operator-GET_AGENTS-after-teardown.response");
    const { frameworks } = master.frameworks as { frameworks: unknown[] };
    master.frameworks = { frameworks: [], completed_frameworks: frameworks };
    relabel(master, { marathon_framework_id: FRAMEWORK, marathon_task_id: "db.instance-1" });
    const [entry] = auditReservations(await readCluster((await contextOf(master)).client, signal));
    expect(entry).toMatchObject({ state: "orphaned", owner: { instance: "db.instance-1" } });
  });

  test("what a task has is in use, whoever gave it up", async () => {
    const entries = await audited("operator-GET_AGENTS-running.response", OURS, GIVEN_UP);
    expect(entries.map(({ state }) => state)).toEqual(["in-use"]);
  });
});

describe("cleaning", () => {
  const orphans = () => {
    const master = new MesosMaster("operator-GET_AGENTS-after-teardown.response");
    relabel(master, OURS);
    return master;
  };

  test("destroys the volumes, gives everything back, and nothing is left to do", async () => {
    const master = orphans();
    const context = await contextOf(master);
    const plan = await planOf(context, GIVEN_UP);
    expect(plan.steps).toMatchObject([
      { hostname: "node-1", volumes: [{ id: "vol-db-0", sizeMb: 512 }], amounts: "cpus 1, disk 512, mem 256" },
    ]);
    const seen: string[] = [];
    await applyClean(context, plan, plan.token, (_, done) => void seen.push(done));
    expect(seen).toEqual(["destroyed", "unreserved"]);
    expect(reservedOn(master)).toEqual([]);
    expect((await planOf(context, GIVEN_UP)).steps).toEqual([]);
    // Again: everything is gone already, and nothing is sent.
    await applyClean(context, plan, plan.token, (_, done) => void seen.push(done));
    expect(seen.at(-1)).toBe("already-gone");
    expect(master.changes()).toEqual(["DESTROY_VOLUMES", "UNRESERVE_RESOURCES"]);
  });

  test("does nothing under another token", async () => {
    const master = orphans();
    const context = await contextOf(master);
    const plan = await planOf(context, GIVEN_UP);
    await expect(applyClean(context, plan, "clean-0000000000000000")).rejects.toMatchObject({ code: "DENIED" });
    expect(master.changes()).toEqual([]);
  });

  test("the token is another one when anything differs, and the same when the agent came back under another id", async () => {
    const master = orphans();
    const context = await contextOf(master);
    const { token } = await planOf(context, GIVEN_UP);
    master.agent("node-1").agent_info.id.value = "a-new-id-S9";
    expect((await planOf(context, GIVEN_UP)).token).toBe(token);
    const volume = master.agent("node-1").total_resources?.find(({ disk }) => disk?.persistence !== undefined);
    if (volume?.scalar === undefined) throw new Error("the recording has a volume");
    volume.scalar.value = 513;
    expect((await planOf(context, GIVEN_UP)).token).not.toBe(token);
    volume.scalar.value = 512;
    expect((await planOf(context, GIVEN_UP)).token).toBe(token);
    const mem = master.agent("node-1").total_resources?.find(({ name, role }) => name === "mem" && role !== "*");
    if (mem?.scalar === undefined) throw new Error("the recording has reserved memory");
    mem.scalar.value += 1;
    expect((await planOf(context, GIVEN_UP)).token).not.toBe(token);
  });

  test("finds the same reservations on an agent that came back under another id", async () => {
    const master = orphans();
    const context = await contextOf(master);
    const plan = await planOf(context, GIVEN_UP);
    master.agent("node-1").agent_info.id.value = "a-new-id-S9";
    await applyClean(context, plan, plan.token);
    expect(reservedOn(master)).toEqual([]);
  });

  test.each<Mishap>(["lost", "slow"])("an answer that is %s repeats nothing, at either change", async (mishap) => {
    for (const change of [1, 2]) {
      const master = orphans();
      master.mishaps.set(change, mishap);
      const context = await contextOf(master);
      const plan = await planOf(context, GIVEN_UP);
      await applyClean(context, plan, plan.token);
      expect(reservedOn(master)).toEqual([]);
      expect(master.changes()).toEqual(["DESTROY_VOLUMES", "UNRESERVE_RESOURCES"]);
    }
  });

  test("ended after the first change, the next plan has the rest", async () => {
    const master = orphans();
    master.mishaps.set(2, "refused");
    const context = await contextOf(master);
    const first = await planOf(context, GIVEN_UP);
    await expect(applyClean(context, first, first.token)).rejects.toMatchObject({ code: "INVALID_SPEC" });
    const second = await planOf(context, GIVEN_UP);
    expect(second.steps).toMatchObject([{ volumes: [], amounts: "cpus 1, disk 512, mem 256" }]);
    await applyClean(context, second, second.token);
    expect(reservedOn(master)).toEqual([]);
  });

  test("leaves alone what a task has taken since, and what grew", async () => {
    const master = orphans();
    const context = await contextOf(master);
    const plan = await planOf(context, GIVEN_UP);
    const agent = master.agent("node-1");
    const held = agent.total_resources?.filter(({ name }) => name === "mem") ?? [];
    agent.allocated_resources = held;
    await expect(applyClean(context, plan, plan.token)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    agent.allocated_resources = [];
    for (const { reservations, scalar } of held)
      if (reservations !== undefined && scalar !== undefined) scalar.value += 1;
    await expect(applyClean(context, plan, plan.token)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect(master.changes()).toEqual([]);
  });

  test("an agent that is away is not clean", async () => {
    const master = orphans();
    const context = await contextOf(master);
    const plan = await planOf(context, GIVEN_UP);
    master.agents = [];
    await expect(applyClean(context, plan, plan.token)).rejects.toMatchObject({ code: "NOT_FOUND", retryable: true });
  });

  test("an agent that goes away instead of doing it has done nothing, at either change", async () => {
    for (const change of [1, 2]) {
      const master = orphans();
      master.mishaps.set(change, "vanishes");
      const context = await contextOf(master);
      const plan = await planOf(context, GIVEN_UP);
      const done: string[] = [];
      const clean = applyClean(context, plan, plan.token, (_, what) => void done.push(what));
      await expect(clean).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
      expect(done).toEqual(change === 1 ? [] : ["destroyed"]);
    }
  });

  test("says that it cannot tell when the agent never shows the change", async () => {
    const master = orphans();
    master.mishaps.set(1, "slow");
    const context = { ...(await contextOf(master)), settleMs: 0 };
    const plan = await planOf(context, GIVEN_UP);
    await expect(applyClean(context, plan, plan.token)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  });
});

import { describe, expect, test } from "vitest";
import { RESIDENT, TestCluster } from "./core.fixture.js";
import { killOfApp, killOne } from "./kill-tasks.js";
import { cutAgent, markAgentGone, rebootAgent } from "./mesos.js";
import { shownQueue, shownTask } from "./views.js";

const KILL = { scale: false, wipe: false, force: false };
const volumes = (cluster: TestCluster, kind: "create-volume" | "destroy-volume") =>
  cluster.effects.flatMap((effect) => (effect.kind === kind ? [effect.volume.uuid] : []));
const queueReasons = (cluster: TestCluster) => {
  const [item] = shownQueue(cluster.sim).queue as {
    processedOffersSummary: { rejectSummaryLastOffers: { reason: string; declined: number }[] };
  }[];
  return item?.processedOffersSummary.rejectSummaryLastOffers
    .filter(({ declined }) => declined > 0)
    .map(({ reason }) => reason);
};
const started = (flags = {}) => {
  const cluster = new TestCluster(2, flags);
  cluster.create(RESIDENT);
  return cluster;
};

describe("facts 5 and 15.5: an app with a persistent volume", () => {
  test("5: a restart, a kill and a scale 0 → 1 keep instance, host and volume; the incarnation grows", () => {
    const cluster = started();
    const { id, agent, volumes: first } = cluster.only();
    cluster.do((sim) => killOne(sim, "/db", cluster.only().taskId ?? "", KILL));
    cluster.put("/db", { instances: 0 });
    cluster.put("/db", { instances: 1 });
    cluster.put("/db", { env: { A: "1" } });
    expect(cluster.only()).toMatchObject({ id, agent: { id: agent?.id }, volumes: first, incarnation: 4 });
    expect(volumes(cluster, "create-volume")).toHaveLength(1);
  });

  test("5: scaled down, the instance stays listed with its last state and its volumes", () => {
    const cluster = started();
    cluster.put("/db", { instances: 0 });
    expect(cluster.only()).toMatchObject({ goal: "Stopped", condition: "Killed" });
    const task = shownTask(cluster.sim, cluster.only());
    expect(task).toMatchObject({ state: "TASK_KILLED", ports: [], localVolumes: [{ containerPath: "data" }] });
    expect(task).not.toHaveProperty("startedAt");
  });

  test("5: pinned: it waits for ever for the agent that has its volume, and the queue says why", () => {
    const cluster = started();
    const { agent, id } = cluster.only();
    cluster.put("/db", { instances: 0 });
    cluster.do((sim) => cutAgent(sim, agent?.id ?? ""));
    cluster.pass(100);
    cluster.put("/db", { instances: 1 });
    cluster.pass(4 * 3_600);
    expect(cluster.only()).toMatchObject({ id, condition: "Scheduled" });
    expect(queueReasons(cluster)).toEqual(["NoCorrespondingReservationFound"]);
    cluster.do((sim) => rebootAgent(sim, agent?.id ?? ""));
    expect(cluster.only()).toMatchObject({ id, condition: "Running", agent: { id: agent?.id } });
  });

  test("5: constraints that no longer match the pinned agent leave it waiting", () => {
    const cluster = started();
    const other = cluster.only().agent?.id === "agent-1" ? "host-agent-2" : "host-agent-1";
    cluster.put("/db", { constraints: [["hostname", "IS", other]] });
    cluster.pass(3_600);
    expect(cluster.conditions()).toEqual(["Scheduled"]);
    expect(queueReasons(cluster)).toEqual(["UnfulfilledConstraint", "NoCorrespondingReservationFound"]);
  });

  test("5: without a principal Mesos ignores the reservation, and the app waits for ever", () => {
    const cluster = started({ principal: null });
    cluster.pass(4 * 3_600);
    expect(cluster.conditions()).toEqual(["Scheduled"]);
    expect(volumes(cluster, "create-volume")).toEqual([]);
  });

  test("5: wiped after a scale to 0, the volume is destroyed; the next start has a new one", () => {
    const cluster = started();
    cluster.put("/db", { instances: 0 });
    cluster.do((sim) => killOfApp(sim, "/db", null, { ...KILL, wipe: true }));
    expect(volumes(cluster, "destroy-volume")).toEqual(volumes(cluster, "create-volume"));
    cluster.put("/db", { instances: 1 });
    expect(volumes(cluster, "create-volume")).toHaveLength(2);
  });

  test("11: wipe on a running task: forgotten at once, the old task runs through its grace period beside the new one", () => {
    const cluster = started();
    const old = cluster.only().taskId ?? "";
    cluster.stubborn.add(old);
    cluster.do((sim) => killOne(sim, "/db", old, { ...KILL, wipe: true }));
    expect(cluster.alive()).toHaveLength(2);
    expect(cluster.only().taskId).not.toBe(old);
  });

  test("5: marked gone by the operator: the same instance elsewhere with a new empty volume", () => {
    const cluster = started();
    const { id, agent, volumes: first } = cluster.only();
    cluster.do((sim) => cutAgent(sim, agent?.id ?? ""));
    cluster.pass(100);
    cluster.do((sim) => markAgentGone(sim, agent?.id ?? ""));
    cluster.pass(10);
    expect(cluster.only()).toMatchObject({ id, condition: "Running", incarnation: 2 });
    expect(cluster.only().agent?.id).not.toBe(agent?.id);
    expect(cluster.only().volumes).not.toEqual(first);
  });

  test("5: a reservation whose instance Marathon lost is destroyed on the next offer", () => {
    const cluster = started();
    cluster.put("/db", { instances: 0 });
    cluster.sim.instances.clear();
    cluster.sim.byApp.clear();
    cluster.pass(10);
    expect(volumes(cluster, "destroy-volume")).toEqual(volumes(cluster, "create-volume"));
  });

  test("5: a scale to 0 of an instance that waits after an earlier scale-up never ends, until forced", () => {
    const cluster = started();
    const { agent } = cluster.only();
    cluster.put("/db", { instances: 0 });
    cluster.do((sim) => cutAgent(sim, agent?.id ?? ""));
    cluster.pass(100);
    cluster.put("/db", { instances: 1 });
    cluster.put("/db", { instances: 0 }, { force: true });
    cluster.pass(4 * 3_600);
    expect(cluster.sim.deployments.size).toBe(1);
    cluster.put("/db", { instances: 0, labels: { MARATHON_SINGLE_INSTANCE_APP: "true", again: "1" } }, { force: true });
    expect(cluster.sim.deployments.size).toBe(0);
  });

  test("14: persistenceId is path#containerPath#uuid", () => {
    const [volume] = started().only().volumes ?? [];
    expect(volume?.persistenceId).toBe(`db#data#${volume?.uuid}`);
  });
});

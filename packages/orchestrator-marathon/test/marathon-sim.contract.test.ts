import type { OrchestratorEvent } from "@holdfast/core";
import { until } from "@holdfast/testkit";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Announcement, ReplacementEntry } from "../src/index.js";
import { LIMIT, type Scene, SERVICE, startScene } from "./scene.js";

// The whole orchestrator against the double of Marathon, with real processes that take a lease from each other and write
// to one file. Every test waits for what it can see: lines of the file, and what Marathon lists.

/** The first run, writing. */
async function startFirst(scene: Scene, change: Record<string, unknown> = {}) {
  await scene.orchestrator.apply(scene.op, scene.compiled(change));
  const first = await scene.task();
  await scene.writesAgain(first);
  await settled(scene);
  return first;
}

/** Waits until no deployment is under way. */
async function settled({ orchestrator, op }: Scene) {
  const isSettled = async () => (await orchestrator.observe(op, SERVICE)).deployments.length === 0;
  await until("deployments to end", isSettled, LIMIT);
}

describe("apply", () => {
  test("what is read back equals what was sent: applied again, nothing changes", async () => {
    const scene = await startScene();
    const first = await startFirst(scene);
    const { app } = await scene.orchestrator.observe(scene.op, SERVICE);
    await scene.orchestrator.apply(scene.op, scene.compiled());
    expect((await scene.orchestrator.observe(scene.op, SERVICE)).app?.version).toBe(app?.version);
    await scene.writesAgain(first);
    scene.expectOneWriterAtATime();
  });

  test("a change is told as a restart and is one: the first stops, then the next writes", async () => {
    const told: Announcement[] = [];
    const scene = await startScene({}, { onApply: (announcement) => void told.push(announcement) });
    const first = await startFirst(scene);
    await scene.orchestrator.apply(scene.op, scene.compiled({ mem: 64 }));
    const second = await scene.task(({ id, state }) => id !== first.id && state === "running");
    await scene.writesAgain(second);
    expect(told.map(({ diff }) => diff.effect)).toEqual(["create", "restart"]);
    expect(told[1]?.lines[0]).toContain(`RESTART of ${first.id}`);
    scene.expectOneWriterAtATime();
  });

  test("an instance that never gets healthy would block the change for ever; it is stopped first", async () => {
    const scene = await startScene();
    const never = { protocol: "COMMAND", command: { value: "false" }, gracePeriodSeconds: 3_000, intervalSeconds: 1 };
    await scene.orchestrator.apply(scene.op, scene.compiled({ healthChecks: [never] }));
    const first = await scene.task();
    await scene.writesAgain(first);
    // The deployment that created it waits for health as well, and locks the app.
    await expect(scene.orchestrator.apply(scene.op, scene.compiled())).rejects.toMatchObject({ code: "BUSY" });
    expect((await scene.orchestrator.explain(scene.op, SERVICE)).situation).toBe("deploying");
    await scene.orchestrator.stop(scene.op, SERVICE, { overrideDeployments: true });
    await settled(scene);
    await scene.orchestrator.apply(scene.op, scene.compiled());
    const second = await scene.task(({ id, state }) => id !== first.id && state === "running");
    await scene.writesAgain(second);
    await settled(scene);
    scene.expectOneWriterAtATime();
  });

  test("the answer is lost: what became of it is read, and nothing done twice", async () => {
    const scene = await startScene();
    const { faults } = scene.sim.control;
    faults.loseReply({ method: "POST" });
    await scene.orchestrator.apply(scene.op, scene.compiled());
    await settled(scene);
    faults.loseReply({ method: "PUT" });
    await scene.orchestrator.apply(scene.op, scene.compiled({ mem: 64 }));
    await settled(scene);
    faults.loseReply({ method: "PATCH" });
    await scene.orchestrator.stop(scene.op, SERVICE);
    await settled(scene);
    expect(await scene.orchestrator.observe(scene.op, SERVICE)).toMatchObject({ suspended: true, app: { mem: 64 } });
    expect(faults.unused()).toBe(0);
    scene.expectOneWriterAtATime();
  });

  test("a foreign app, a locked app, wrong credentials: one code, and nothing changed", async () => {
    const scene = await startScene();
    await scene.byHand("POST", "/v2/apps", { id: "/orders-db", cmd: "sleep 1000", portDefinitions: [] });
    await settled(scene);
    const before = (await scene.orchestrator.observe(scene.op, SERVICE)).app?.version;
    await expect(scene.orchestrator.apply(scene.op, scene.compiled())).rejects.toMatchObject({ code: "RECORD_EXISTS" });
    await expect(scene.orchestrator.stop(scene.op, SERVICE)).rejects.toMatchObject({ code: "RECORD_EXISTS" });
    expect((await scene.orchestrator.observe(scene.op, SERVICE)).app?.version).toBe(before);

    const locked = await startScene();
    await startFirst(locked);
    locked.sim.control.holdDeployments("/orders-db");
    await locked.orchestrator.apply(locked.op, locked.compiled({ mem: 64 }));
    await expect(locked.orchestrator.apply(locked.op, locked.compiled())).rejects.toMatchObject({ code: "BUSY" });
    expect((await locked.orchestrator.observe(locked.op, SERVICE)).app?.mem).toBe(64);

    const shut = await startScene({ credentials: { user: "ops", password: "right" } });
    await expect(shut.orchestrator.apply(shut.op, shut.compiled())).rejects.toMatchObject({ code: "DENIED" });
  });
});

describe("an agent that Mesos cannot reach, while its run goes on", () => {
  test("data that one agent has: every change is refused, the run writes on, and is the same when the agent is back", async () => {
    const scene = await startScene();
    const first = await startFirst(scene, {
      unreachableStrategy: "disabled",
      constraints: [["hostname", "IS", "agent-1"]],
    });
    scene.sim.control.agent("agent-1").unreachable();
    const lost = await scene.task(({ state }) => state === "unreachable");
    expect(lost.id).toBe(first.id);
    const { orchestrator, op } = scene;
    const pinned = { unreachableStrategy: "disabled", constraints: [["hostname", "IS", "agent-2"]] };
    const journal: ReplacementEntry[] = [];
    const write = async (entry: ReplacementEntry) => void journal.push(entry);
    const refused = { code: "HELD_BY_OTHER" };
    await expect(orchestrator.apply(op, scene.compiled({ mem: 64 }))).rejects.toMatchObject(refused);
    await expect(orchestrator.stop(op, SERVICE)).rejects.toMatchObject(refused);
    await expect(orchestrator.stop(op, SERVICE, { overrideDeployments: true })).rejects.toMatchObject(refused);
    await expect(orchestrator.move(op, scene.compiled(pinned), async () => scene.evidence())).rejects.toMatchObject(
      refused,
    );
    const wiped = orchestrator.replace(op, SERVICE, { evidence: scene.evidence({ ranOut: true }), journal: write });
    await expect(wiped).rejects.toMatchObject({ code: "UNSUPPORTED" });
    expect(await orchestrator.explain(op, SERVICE, scene.evidence())).toMatchObject({
      situation: "unreachable-pinned",
    });
    for (const job of ["scale", "reconcile", "expunge", "offers"] as const) scene.sim.control.run(job);
    await scene.writesAgain(first);
    scene.sim.control.agent("agent-1").back();
    expect((await scene.task()).id).toBe(first.id);
    await scene.writesAgain(first);
    expect([journal, new Set(scene.writes())]).toEqual([[], new Set([first.id])]);
    scene.expectOneWriterAtATime();
  });

  test("storage that every agent reaches: Marathon's replacement waits, and is the one that goes when the agent is back", async () => {
    const scene = await startScene();
    const first = await startFirst(scene);
    scene.sim.control.agent(first.agent).cut();
    const second = await scene.task(({ id, state }) => id !== first.id && state === "running");
    const { orchestrator, op } = scene;
    const said = await orchestrator.explain(op, SERVICE, scene.evidence());
    expect(said).toMatchObject({
      situation: "unreachable-replaced",
      says: expect.stringContaining("waits for the lease"),
    });
    await expect(
      orchestrator.apply(op, scene.compiled({ mem: 64 }), { evidence: scene.evidence() }),
    ).rejects.toMatchObject({
      code: "HELD_BY_OTHER",
      detail: { missing: "lease" },
    });
    await scene.writesAgain(first);
    scene.sim.control.agent(first.agent).back();
    scene.sim.control.run("scale");
    const alone = async () => (await orchestrator.observe(op, SERVICE)).tasks.every(({ id }) => id !== second.id);
    await until("the younger one to go", alone, LIMIT);
    await scene.writesAgain(first);
    expect(new Set(scene.writes())).toEqual(new Set([first.id]));
    scene.expectOneWriterAtATime();
  });
});

describe("a machine that is lost", () => {
  test("replaced as soon as its lease ran out, while Mesos still believes that it runs", async () => {
    // Real Mesos takes 75 s to notice; here it never does. Until it does, it goes on offering what is free on the lost
    // agent, so that the replacement could be sent there in vain: what one task leaves free must not be enough for two.
    const scene = await startScene({ flags: { agentLostMs: 3_600_000 } });
    const first = await startFirst(scene, { cpus: 5 });
    await scene.sim.control.agent(first.agent).powerOff();
    const { orchestrator, op } = scene;
    const journal: string[] = [];
    const write = async ({ state, tasks }: ReplacementEntry) => void journal.push(`${state} ${tasks.join()}`);
    // Marathon's word and the caller's wish are not enough.
    await expect(
      orchestrator.replace(op, SERVICE, { evidence: scene.evidence(), journal: write }),
    ).rejects.toMatchObject({
      code: "HELD_BY_OTHER",
      detail: { missing: "lease" },
    });
    expect((await scene.task()).id).toBe(first.id);
    const evidence = scene.evidence({ ranOut: true });
    expect(await orchestrator.replace(op, SERVICE, { evidence, journal: write })).toMatchObject({ kind: "wipe" });
    scene.runOut();
    const second = await scene.task(({ id, state }) => id !== first.id && state === "running");
    await scene.writesAgain(second);
    expect(second.agent).not.toBe(first.agent);
    expect(journal).toEqual([`started ${first.id}`, `done ${first.id}`]);
    // The dead one's evidence says nothing about the one that has the lease now.
    expect(await orchestrator.replace(op, SERVICE, { evidence, journal: write })).toMatchObject({ kind: "nothing" });
    scene.sim.control.agent(first.agent).boot();
    await scene.writesAgain(second);
    scene.expectOneWriterAtATime();
  });

  test("the answer to the wipe is lost: it is seen to be done", async () => {
    const scene = await startScene({ flags: { agentLostMs: 3_600_000 } });
    const first = await startFirst(scene);
    await scene.sim.control.agent(first.agent).powerOff();
    scene.sim.control.faults.loseReply({ method: "POST", path: /tasks\/delete/ });
    const states: string[] = [];
    await scene.orchestrator.replace(scene.op, SERVICE, {
      evidence: scene.evidence({ ranOut: true }),
      journal: async ({ state }) => void states.push(state),
    });
    expect([states, scene.sim.control.faults.unused()]).toEqual([["started", "done"], 0]);
  });
});

test("a move: stopped, proven by the lease, started on the other agent", async () => {
  const scene = await startScene();
  const first = await startFirst(scene, { constraints: [["hostname", "IS", "agent-1"]] });
  let looks = 0;
  await scene.orchestrator.move(
    scene.op,
    scene.compiled({ constraints: [["hostname", "IS", "agent-2"]] }),
    async () => {
      looks += 1;
      return scene.evidence();
    },
  );
  const second = await scene.task();
  await scene.writesAgain(second);
  expect([first.agent, second.agent]).toEqual(["agent-1", "agent-2"]);
  expect(looks).toBeGreaterThan(1);
  scene.expectOneWriterAtATime();
});

test("events: a change is heard, and after a change of leader everything is read again", async () => {
  const scene = await startScene({ members: 2 });
  const heard: OrchestratorEvent[] = [];
  const abort = new AbortController();
  const listening = (async () => {
    for await (const event of scene.orchestrator.events({ ...scene.op, signal: abort.signal })) heard.push(event);
  })();
  onTestFinished(async () => {
    abort.abort(new Error("the test is over"));
    await listening;
  });
  const count = (kind: OrchestratorEvent["kind"]) => heard.filter((event) => event.kind === kind).length;
  await until("the first resync", () => count("resync") > 0, LIMIT);
  await startFirst(scene);
  await until(
    "the task to be heard of",
    () => heard.some(({ service, kind }) => kind === "task" && service === SERVICE),
    LIMIT,
  );
  await until("the deployment to be heard of", () => count("deployment") > 0, LIMIT);
  const before = count("resync");
  scene.sim.control.changeLeader(1);
  await until("another resync", () => count("resync") > before, LIMIT);
});

test("many services are seen at once, with their tasks, and never more than the limit are deployed together", async () => {
  const runtimes = { deploymentsMax: 4, deploymentWaitMs: 30_000 };
  const scene = await startScene({}, runtimes);
  const names = Array.from({ length: 12 }, (_, n) => `s-${n}`);
  let most = 0;
  const applying = Promise.all(
    names.map(async (name) => {
      const { definition } = scene.compiled({ id: `/${name}`, cmd: "sleep 1000", cpus: 0.1, mem: 32, disk: 0 });
      const labels = { ...(definition.labels as Record<string, string>), HOLDFAST_SERVICE: name };
      const op = { ...scene.op, signal: new AbortController().signal };
      await scene.orchestrator.apply(op, { definition: { ...definition, labels } });
    }),
  );
  const done = applying.then(() => true);
  while (
    !(await Promise.race([
      done,
      scene.byHand("GET", "/v2/deployments").then(async (answer) => {
        most = Math.max(most, ((await answer.json()) as unknown[]).length);
        return false;
      }),
    ]))
  );
  const all = async () => {
    const { services } = await scene.orchestrator.observeAll(scene.op);
    return names.every((name) => services.get(name)?.tasks[0]?.state === "running");
  };
  await until("all to run", all, LIMIT);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(4);
});

import type { OrchestratorEvent } from "@holdfast/core";
import { until } from "@holdfast/testkit";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Announcement } from "../src/index.js";
import { LIMIT, SERVICE, settled, startFirst, startScene } from "./scene.js";

// Changes against the double of Marathon, with real processes that take a lease from each other and write to one file. Every
// test waits for what it can see: lines of the file, and what Marathon lists.

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

  test("an instance that has become unhealthy is stopped by the change itself, which is told once", async () => {
    const told: string[] = [];
    const scene = await startScene({}, { onApply: ({ diff }) => void told.push(diff.effect) });
    const check = { protocol: "COMMAND", command: { value: 'test ! -e "$WRITES.ill"' }, gracePeriodSeconds: 1 };
    const patient = { ...check, intervalSeconds: 1, maxConsecutiveFailures: 1_000 };
    const first = await startFirst(scene, { healthChecks: [patient] });
    scene.fallIll();
    const ill = async () => (await scene.orchestrator.explain(scene.op, SERVICE)).situation === "unhealthy";
    await until("the instance to be unhealthy", ill, LIMIT);
    await scene.orchestrator.apply(scene.op, scene.compiled());
    const second = await scene.task(({ id, state }) => id !== first.id && state === "running");
    await scene.writesAgain(second);
    expect(told).toEqual(["create", "restart"]);
    scene.expectOneWriterAtATime();
  });

  test("scaled to 3 by hand: one writes, the others wait, and apply sets it right", async () => {
    const scene = await startScene();
    const first = await startFirst(scene);
    const labels = { HOLDFAST_SERVICE: SERVICE };
    // Marathon refuses it while the label is there; whoever wants three takes that away as well.
    expect((await scene.byHand("PUT", "/v2/apps/orders-db", { instances: 3 })).status).toBe(422);
    expect((await scene.byHand("PUT", "/v2/apps/orders-db", { instances: 3, labels })).status).toBe(200);
    const three = async () => {
      const { tasks } = await scene.orchestrator.observe(scene.op, SERVICE);
      return tasks.filter(({ id, state }) => id !== first.id && state === "running").length === 3;
    };
    await until("three to run", three, LIMIT);
    await settled(scene);
    expect((await scene.orchestrator.explain(scene.op, SERVICE)).situation).toBe("too-many");
    await scene.orchestrator.apply(scene.op, scene.compiled());
    await settled(scene);
    const { app, tasks } = await scene.orchestrator.observe(scene.op, SERVICE);
    expect([app?.instances, tasks.length]).toEqual([1, 1]);
    await scene.writesAgain({ id: tasks[0]?.id ?? "" });
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

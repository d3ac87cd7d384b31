import { until } from "@holdfast/testkit";
import { describe, expect, test } from "vitest";
import type { ReplacementEntry } from "../src/index.js";
import { makeRecord } from "../src/view.fixture.js";
import { LIMIT, residentChange, SERVICE, settled, startFirst, startScene } from "./scene.js";

// What is lost, what only seems so, and what is moved: against the double of Marathon, with real processes that take a lease
// from each other and write to one file.

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

  test("a persistent volume: nothing changes it, whatever the store says, and it is the same volume afterwards", async () => {
    const scene = await startScene();
    const resident = residentChange();
    const first = await startFirst(scene, resident);
    const volume = async () => {
      const { app } = await scene.orchestrator.observe(scene.op, SERVICE);
      return app?.tasks?.flatMap(({ localVolumes }) => localVolumes ?? []).map(({ persistenceId }) => persistenceId);
    };
    const before = await volume();
    expect(before).toHaveLength(1);
    scene.sim.control.agent(first.agent).unreachable();
    await scene.task(({ state }) => state === "unreachable");
    const { orchestrator, op } = scene;
    const evidence = scene.evidence({ record: makeRecord({ state: { kind: "released" } }) });
    const next = scene.compiled({ ...resident, env: { A: "b" } });
    const journal = async () => Promise.reject(new Error("nothing is to be journalled"));
    await expect(orchestrator.apply(op, next, { evidence })).rejects.toMatchObject({ code: "HELD_BY_OTHER" });
    await expect(orchestrator.stop(op, SERVICE, { evidence })).rejects.toMatchObject({ code: "HELD_BY_OTHER" });
    await expect(orchestrator.move(op, next, async () => evidence)).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(orchestrator.replace(op, SERVICE, { evidence, journal })).rejects.toMatchObject({
      code: "UNSUPPORTED",
    });
    expect((await orchestrator.explain(op, SERVICE, evidence)).situation).toBe("unreachable-resident");
    for (const job of ["scale", "reconcile", "expunge", "offers"] as const) scene.sim.control.run(job);
    await scene.writesAgain(first);
    scene.sim.control.agent(first.agent).back();
    expect((await scene.task()).id).toBe(first.id);
    expect(await volume()).toEqual(before);
    await scene.writesAgain(first);
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

test("a move that was cut off after the stop goes on where it was", async () => {
  const scene = await startScene();
  const first = await startFirst(scene, { constraints: [["hostname", "IS", "agent-1"]] });
  const next = scene.compiled({ constraints: [["hostname", "IS", "agent-2"]] });
  const abort = new AbortController();
  const cut = scene.orchestrator.move({ ...scene.op, signal: abort.signal }, next, async () => {
    const { suspended } = await scene.orchestrator.observe(scene.op, SERVICE);
    if (suspended) abort.abort(new Error("killed"));
    // What it would say if the run did not stop.
    return scene.evidence({ record: makeRecord() });
  });
  await expect(cut).rejects.toThrow("killed");
  await settled(scene);
  expect(await scene.orchestrator.observe(scene.op, SERVICE)).toMatchObject({ suspended: true });
  await scene.orchestrator.move(scene.op, next, async () => scene.evidence());
  const second = await scene.task();
  await scene.writesAgain(second);
  expect([first.agent, second.agent]).toEqual(["agent-1", "agent-2"]);
  scene.expectOneWriterAtATime();
});

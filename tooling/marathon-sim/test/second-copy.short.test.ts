import { createAgentNetwork, namespacesUnavailable, until } from "@holdfast/testkit";
import { describe, expect, onTestFinished, test } from "vitest";
import { LIMIT, type ProcessWorld, startWorld, type Task, WRITER } from "./world.js";

// The reason for this double: a client that takes Marathon's defaults gets two writers, with real processes and one
// file between them. Each test waits for lines of the writers in the file and for nothing else.

const NAIVE = { id: "/db", cmd: WRITER, portDefinitions: [] };
const SINGLE = {
  ...NAIVE,
  labels: { MARATHON_SINGLE_INSTANCE_APP: "true" },
  upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
  unreachableStrategy: "disabled",
};

/** Waits until the task has written again, after everything that is in the file now. */
async function writesAgain(world: ProcessWorld, task: Task): Promise<void> {
  const before = world.writes().length;
  await until(
    `${task.id} to write`,
    () =>
      world
        .writes()
        .slice(before)
        .some((write) => write.task === task.id),
    LIMIT,
  );
}

/** Waits until nothing but that task has written for many writes. */
async function writesAlone(world: ProcessWorld, task: Task): Promise<void> {
  await until(
    `${task.id} to write alone`,
    () =>
      world.writes().length > 20 &&
      world
        .writes()
        .slice(-20)
        .every((write) => write.task === task.id),
    LIMIT,
  );
}

async function proveSecondCopy(world: ProcessWorld): Promise<void> {
  await world.call("POST", "/v2/apps", NAIVE);
  const first = await world.task();
  await writesAgain(world, first);
  const agent = world.sim.control.agent(first.slaveId);
  agent.cut();
  const second = await world.task((tasks) =>
    tasks.find(({ id, state }) => id !== first.id && state === "TASK_RUNNING"),
  );
  // Two writers: each writes after the other did, and neither has stopped.
  await writesAgain(world, second);
  await writesAgain(world, first);
  await writesAgain(world, second);
  expect(await world.tasks()).toHaveLength(1);
  expect(second.slaveId).not.toBe(first.slaveId);
  // Marathon had forgotten the first one, and kills it as soon as it sees it again.
  agent.back();
  await writesAlone(world, second);
}

describe("a second copy", () => {
  test("4: starts with Marathon's defaults when the agent is unreachable, and both write to one file", async () => {
    await proveSecondCopy(await startWorld());
  });

  test("4: the same on agents that are machines of a network of their own", async ({ skip }) => {
    const reason = namespacesUnavailable();
    if (reason !== undefined) skip(reason);
    const network = await createAgentNetwork();
    onTestFinished(() => network.remove());
    const machines = [await network.addAgent(), await network.addAgent()];
    const agents = machines.map(({ name, enter, address }) => ({ id: name, hostname: address, address, enter }));
    const world = await startWorld({ agents });
    await world.call("POST", "/v2/apps", NAIVE);
    const first = await world.task();
    await writesAgain(world, first);
    // The task really runs in the agent's network, and goes on there when that network is cut from everything.
    const machine = machines.find(({ name }) => name === first.slaveId);
    const { pid } = world.writes().at(-1) ?? { pid: 0 };
    expect(await machine?.pids()).toContain(pid);
    await machine?.cut();
    world.sim.control.agent(first.slaveId).cut();
    const second = await world.task((tasks) =>
      tasks.find(({ id, state }) => id !== first.id && state === "TASK_RUNNING"),
    );
    await writesAgain(world, second);
    await writesAgain(world, first);
    expect(machine?.state()).toBe("cut");
    await machine?.heal();
    world.sim.control.agent(first.slaveId).back();
    await writesAlone(world, second);
  });

  test("4: does not start with the single-writer definition; the first goes on, and is the same process afterwards", async () => {
    const world = await startWorld();
    await world.call("POST", "/v2/apps", SINGLE);
    const first = await world.task();
    await writesAgain(world, first);
    const { pid } = world.writes().at(-1) ?? {};
    const agent = world.sim.control.agent(first.slaveId);
    agent.cut();
    await world.task((tasks) => tasks.find(({ state }) => state === "TASK_UNREACHABLE"));
    for (const job of ["scale", "reconcile", "expunge", "offers"] as const) world.sim.control.run(job);
    await writesAgain(world, first);
    expect(new Set(world.writes().map(({ task }) => task))).toEqual(new Set([first.id]));
    agent.back();
    expect((await world.task()).id).toBe(first.id);
    await writesAgain(world, first);
    expect(world.writes().at(-1)?.pid).toBe(pid);
  });

  test("4: starts even then when somebody kills the unreachable task over the API", async () => {
    const world = await startWorld();
    await world.call("POST", "/v2/apps", SINGLE);
    const first = await world.task();
    world.sim.control.agent(first.slaveId).unreachable();
    await world.call("DELETE", `/v2/apps/db/tasks/${first.id}`);
    world.sim.control.run("scale");
    const second = await world.task((tasks) => tasks.find(({ state }) => state === "TASK_RUNNING"));
    await writesAgain(world, second);
    await writesAgain(world, first);
    expect(await world.tasks()).toHaveLength(2);
  });

  test("11: starts when a running task is wiped: the old one has its grace period beside the new one", async () => {
    const world = await startWorld();
    const cmd = `trap '' TERM; ${WRITER}`;
    await world.call("POST", "/v2/apps", { ...SINGLE, cmd, taskKillGracePeriodSeconds: 2 });
    const first = await world.task();
    await writesAgain(world, first);
    await world.call("DELETE", `/v2/apps/db/tasks/${first.id}?wipe=true`);
    const second = await world.task((tasks) =>
      tasks.find(({ id, state }) => id !== first.id && state === "TASK_RUNNING"),
    );
    await writesAgain(world, second);
    await writesAgain(world, first);
    await writesAlone(world, second);
  });
});

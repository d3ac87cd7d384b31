import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { processesMarked, until } from "@holdfast/testkit";
import { describe, expect, onTestFinished, test } from "vitest";
import { TASK_VARIABLE } from "../src/launcher/process-runtime.js";
import { LIMIT, startWorld, type Task, WRITER } from "./world.js";

const SINGLE = {
  ...{ id: "/db", cmd: WRITER, portDefinitions: [], unreachableStrategy: "disabled" },
  upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
};
/** A task that leaves a daemon in a session of its own beside itself. */
const DAEMON = { ...SINGLE, cmd: `setsid sh -c '${WRITER}' & ${WRITER}` };

const livingOf = (task: Task) => processesMarked(TASK_VARIABLE).filter(({ value }) => value.endsWith(`/${task.id}`));
const gone = (task: Task) => until(`nothing of ${task.id} to live`, () => livingOf(task).length === 0, LIMIT);
const next = (task: Task) => (tasks: readonly Task[]) =>
  tasks.find(({ id, state }) => id !== task.id && state === "TASK_RUNNING");

describe("agents with real processes", () => {
  test("3: SIGTERM to the whole tree, SIGKILL after the grace, daemons included", async () => {
    const world = await startWorld();
    const cmd = `trap '' TERM; ${DAEMON.cmd}`;
    await world.call("POST", "/v2/apps", { ...DAEMON, cmd, taskKillGracePeriodSeconds: 1 });
    const task = await world.task();
    await until("a daemon beside the task", () => livingOf(task).length > 1, LIMIT);
    const askedMs = Date.now();
    await world.call("PUT", "/v2/apps/db", { instances: 0 });
    await world.task((tasks) => tasks.find(({ state }) => state === "TASK_KILLING"));
    await gone(task);
    expect(Date.now() - askedMs).toBeGreaterThanOrEqual(1_000);
    await until("the task to leave the list", async () => (await world.tasks()).length === 0, LIMIT);
  });

  test("2: when the first process ends, the rest of the task is killed before the end is reported", async () => {
    const world = await startWorld();
    const cmd = `setsid sh -c '${WRITER}' & sleep 0.3; exit 3`;
    await world.call("POST", "/v2/apps", { ...SINGLE, cmd, backoffSeconds: 300 });
    const failure = await until(
      "the task to fail",
      async () => (await world.call("GET", "/v2/apps/db")).data.app.lastTaskFailure,
      LIMIT,
    );
    expect(failure).toMatchObject({ state: "TASK_FAILED", message: "Command exited with status 3" });
    expect(livingOf({ ...failure, id: failure.taskId })).toEqual([]);
  });

  test("4: rebooted: its processes are killed, TASK_GONE, launched again as the next incarnation", async () => {
    const world = await startWorld();
    await world.call("POST", "/v2/apps", { ...DAEMON, constraints: [["hostname", "IS", "agent-2"]] });
    const first = await world.task();
    await world.sim.control.agent("agent-2").reboot();
    expect(livingOf(first)).toEqual([]);
    const second = await world.task(next(first));
    expect(second).toMatchObject({ id: first.id.replace(/1$/, "2"), slaveId: "agent-2" });
    expect((await world.call("GET", "/v2/apps/db")).data.app.lastTaskFailure.state).toBe("TASK_GONE");
  });

  test("4: gone by operator: the replacement starts, the old process goes on until its agent is back", async () => {
    const world = await startWorld();
    await world.call("POST", "/v2/apps", SINGLE);
    const first = await world.task();
    const agent = world.sim.control.agent(first.slaveId);
    agent.unreachable();
    agent.markGone();
    await world.task(next(first));
    expect(livingOf(first)).not.toEqual([]);
    agent.back();
    await gone(first);
  });

  test("4: forgotten: TASK_UNKNOWN, a second copy; back under a new agent id, the old process is killed", async () => {
    const world = await startWorld();
    await world.call("POST", "/v2/apps", SINGLE);
    const first = await world.task();
    const agent = world.sim.control.agent(first.slaveId);
    agent.unreachable();
    agent.forget();
    world.sim.control.run("reconcile");
    await world.task(next(first));
    expect(livingOf(first)).not.toEqual([]);
    const returned = await agent.rejoin("agent-9");
    expect(livingOf(first)).toEqual([]);
    expect(returned.state()).toEqual({ link: "up", registration: "registered", tasks: [] });
  });

  test("9: a failing check kills on the agent, also while nobody can reach it", async () => {
    const world = await startWorld();
    const flagFile = join(world.directory, "sick");
    const command = { value: `! test -e ${flagFile}` };
    const check = { protocol: "COMMAND", command, intervalSeconds: 1, delaySeconds: 0, maxConsecutiveFailures: 2 };
    await world.call("POST", "/v2/apps", { ...SINGLE, healthChecks: [{ ...check, gracePeriodSeconds: 0 }] });
    const task = await world.task();
    const healthy = async () => (await world.call("GET", "/v2/apps/db")).data.app.tasksHealthy === 1;
    await until("the task to be healthy", healthy, LIMIT);
    const agent = world.sim.control.agent(task.slaveId);
    agent.unreachable();
    writeFileSync(flagFile, "");
    await gone(task);
    expect((await world.tasks())[0]).toMatchObject({ id: task.id, state: "TASK_UNREACHABLE" });
    rmSync(flagFile);
    agent.back();
    await world.task(next(task));
  });

  test("9: checks and readiness over the network: a deployment waits for both", async () => {
    const world = await startWorld();
    const ready = join(world.directory, "ready");
    const serve = `require("http").createServer((q, r) => { r.statusCode = q.url === "/up" || require("fs").existsSync("${ready}") ? 200 : 503; r.end("x"); }).listen(process.env.PORT0, "127.0.0.1")`;
    await world.call("POST", "/v2/apps", {
      ...{ ...SINGLE, cmd: `exec ${process.execPath} -e '${serve}'` },
      portDefinitions: [{ port: 0, name: "http" }],
      healthChecks: [{ protocol: "MESOS_HTTP", path: "/up", intervalSeconds: 1, delaySeconds: 1 }],
      readinessChecks: [
        { portName: "http", path: "/ready", intervalSeconds: 2, timeoutSeconds: 1, preserveLastResponse: true },
      ],
    });
    const results = async () =>
      (await world.call("GET", "/v2/deployments")).data[0]?.currentActions[0].readinessCheckResults;
    await until(
      "a readiness result of the server",
      async () => (await results())?.[0]?.lastResponse?.status === 503,
      LIMIT,
    );
    await until(
      "the server to be healthy",
      async () => (await world.call("GET", "/v2/apps/db")).data.app.tasksHealthy === 1,
      LIMIT,
    );
    expect((await world.call("GET", "/v2/deployments")).data).toHaveLength(1);
    // The new leader has no result of any check; the deployment goes on all the same.
    world.sim.control.changeLeader(0);
    writeFileSync(ready, "");
    await until(
      "the deployment to end",
      async () => (await world.call("GET", "/v2/deployments")).data.length === 0,
      LIMIT,
    );
  });

  test("5: a persistent volume is there again after a restart, and destroyed by a wipe", async () => {
    const world = await startWorld();
    const volumes = [{ containerPath: "data", mode: "RW", persistent: { size: 1 } }];
    const cmd = `echo "$MESOS_TASK_ID" >> data/starts; exec sleep 1000`;
    await world.call("POST", "/v2/apps", { ...SINGLE, cmd, container: { type: "MESOS", volumes } });
    const first = await world.task();
    const place = join(world.directory, first.slaveId, "volumes");
    const starts = () =>
      readdirSync(place).map((uuid) =>
        readFileSync(join(place, uuid, "starts"), "utf8")
          .trim()
          .split("\n"),
      );
    await world.call("POST", "/v2/apps/db/restart");
    const second = await world.task(next(first));
    await until("the second start", () => starts()[0]?.length === 2, LIMIT);
    expect(starts()).toEqual([[first.id, second.id]]);
    await world.call("PUT", "/v2/apps/db?force=true", { instances: 0 });
    const killed = await world.task((tasks) => tasks.find(({ state }) => state === "TASK_KILLED"));
    await world.call("DELETE", `/v2/apps/db/tasks/${killed.id}?wipe=true`);
    await until("the volume to be destroyed", () => readdirSync(place).length === 0, LIMIT);
  });

  test("10: artifacts are fetched, executables marked so, before the task starts", async () => {
    const world = await startWorld();
    const source = mkdtempSync(join(tmpdir(), "marathon-sim-fetch-"));
    onTestFinished(() => rmSync(source, { recursive: true, force: true }));
    writeFileSync(join(source, "tool"), "#!/bin/sh\ntouch ran\nexec sleep 1000\n");
    const fetch = [{ uri: pathToFileURL(join(source, "tool")).href, executable: true }];
    await world.call("POST", "/v2/apps", { ...SINGLE, cmd: "exec ./tool", fetch });
    const { slaveId, id } = await world.task();
    await until("the tool to run", () => existsSync(join(world.sim.control.sandbox(slaveId, id), "ran")), LIMIT);
  });

  test("nothing lives when the double was closed", async () => {
    const world = await startWorld();
    await world.call("POST", "/v2/apps", DAEMON);
    const task = await world.task();
    await world.sim.close();
    expect(livingOf(task)).toEqual([]);
  });
});

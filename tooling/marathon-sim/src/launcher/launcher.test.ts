import { describe, expect, test } from "vitest";
import { COPY, TestCluster } from "../core/core.fixture.js";
import { defaultFlags } from "../core/flags.js";
import { leaderHealth } from "../core/health.js";
import type { Launch } from "../core/model.js";
import { afterCheck, agentCheck, checkCommand } from "./agent-checks.js";
import { taskCommand, taskEnvironment } from "./environment.js";

function launched(app: object): Launch {
  const cluster = new TestCluster();
  cluster.create(app);
  const launch = cluster.effects.find(({ kind }) => kind === "launch");
  if (launch?.kind !== "launch") throw new Error("nothing was launched");
  return launch.launch;
}

describe("facts 9: checks on the agent", () => {
  const launch = launched({
    ...COPY,
    portDefinitions: [{ port: 0 }],
    healthChecks: [{ protocol: "HTTP" }, { protocol: "MESOS_TCP" }],
  });
  const check = agentCheck(launch);
  if (check === undefined) throw new Error("no check");
  const fresh = { failures: 0, everHealthy: false };

  test("9: of several checks the agent makes the one that Mesos knows", () => {
    expect(check.protocol).toBe("MESOS_TCP");
    expect(checkCommand(check, launch.ports)).toContain(String(launch.ports[0]));
  });

  test("9: failures within the grace period do not count until the first success", () => {
    expect(afterCheck(fresh, false, 299_000, check, 1_000)).toEqual({ state: fresh, verdict: "ignore" });
    expect(afterCheck(fresh, false, 300_000, check, 1_000).verdict).toBe("unhealthy");
    expect(afterCheck({ ...fresh, everHealthy: true }, false, 1_000, check, 1_000).verdict).toBe("unhealthy");
  });

  test("9: killed at maxConsecutiveFailures in a row; a success begins anew", () => {
    let state = { failures: 0, everHealthy: true };
    const verdicts = [false, false, true, false, false, false].map((ok) => {
      const after = afterCheck(state, ok, 0, check, 1_000);
      state = after.state;
      return after.verdict;
    });
    expect(verdicts).toEqual(["unhealthy", "unhealthy", "healthy", "unhealthy", "unhealthy", "kill"]);
  });

  test("9: 0 kills at the first failure on the agent", () => {
    const strict = { ...check, maxConsecutiveFailures: 0 };
    expect(afterCheck({ failures: 0, everHealthy: true }, false, 0, strict, 1_000).verdict).toBe("kill");
  });
});

describe("facts 9: checks of the leader", () => {
  const failing = { healthy: false, cause: "500" };
  const started = (over: object) => {
    const cluster = new TestCluster();
    const healthChecks = [{ protocol: "HTTP", gracePeriodSeconds: 0, maxConsecutiveFailures: 2, ...over }];
    cluster.create({ ...COPY, portDefinitions: [{ port: 0 }], healthChecks });
    const kills = () => cluster.effects.filter(({ kind }) => kind === "kill").length;
    const fail = () => cluster.do((sim) => leaderHealth(sim, cluster.only(), 0, failing));
    return { cluster, kills, fail };
  };

  test("9: kill after maxConsecutiveFailures, with an event for each failure and for the kill", () => {
    const { cluster, kills, fail } = started({});
    fail();
    expect(kills()).toBe(0);
    fail();
    expect(kills()).toBe(1);
    const count = (type: string) => cluster.types().filter((each) => each === type).length;
    expect([count("failed_health_check_event"), count("unhealthy_instance_kill_event")]).toEqual([2, 1]);
    expect(count("health_status_changed_event")).toBe(1);
  });

  test("9: 0 means never for them", () => {
    const { kills, fail } = started({ maxConsecutiveFailures: 0 });
    for (let count = 0; count < 5; count += 1) fail();
    expect(kills()).toBe(0);
  });

  test("9: failures in the grace period do not count", () => {
    const { cluster, fail } = started({ gracePeriodSeconds: 300 });
    fail();
    expect(cluster.only().health.consecutiveFailures).toBe(0);
  });
});

describe("facts 10: what a task finds", () => {
  test("10: names, ports and labels; the app's own env wins", () => {
    const launch = launched({
      ...COPY,
      labels: { "my-key": "v", long: "x".repeat(512) },
      env: { HOST: "mine", A: "1" },
      portDefinitions: [{ port: 8_080, name: "http" }, { port: 0 }],
    });
    const [first, second] = launch.ports;
    expect(taskEnvironment(launch, "/sandbox")).toMatchObject({
      ...{ MESOS_TASK_ID: launch.taskId, MESOS_SANDBOX: "/sandbox", MARATHON_APP_ID: "/db" },
      ...{ MARATHON_APP_VERSION: launch.app.version, MARATHON_APP_RESOURCE_CPUS: "1.0" },
      ...{ MARATHON_APP_LABELS: "MY_KEY", MARATHON_APP_LABEL_MY_KEY: "v", HOST: "mine", A: "1" },
      ...{ PORT: String(first), PORT0: String(first), PORT1: String(second), PORTS: `${first},${second}` },
      ...{ PORT_8080: String(first), PORT_HTTP: String(first) },
    });
    expect(taskEnvironment(launch, "/sandbox")).not.toHaveProperty("MARATHON_APP_LABEL_LONG");
  });

  test("3: cmd runs under a shell, args as they are", () => {
    expect(taskCommand(launched(COPY).app)).toEqual(["/bin/sh", "-c", COPY.cmd]);
    expect(taskCommand(launched({ id: "/db", args: ["a", "b"], portDefinitions: [] }).app)).toEqual(["a", "b"]);
  });
});

test("limits scale apart: those of the flags, and the seconds of apps", () => {
  const flags = defaultFlags({ flags: 0.01, app: 0.1 });
  expect(flags).toMatchObject({ agentLostMs: 750, reconciliationIntervalMs: 6_000, appSecondMs: 100 });
});

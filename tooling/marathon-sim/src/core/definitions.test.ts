import { describe, expect, test } from "vitest";
import { createApp, updateApp } from "./api.js";
import { shownApp } from "./app-store.js";
import { COPY, RESIDENT, refusal, SINGLE, TestCluster } from "./core.fixture.js";
import type { Flags } from "./flags.js";

/** The `details` with which a definition is refused; null = accepted. */
function refusedFor(app: object, flags: Partial<Flags> = {}): unknown {
  const cluster = new TestCluster(1, flags);
  try {
    cluster.create(app);
    return null;
  } catch {
    return refusal(() => new TestCluster(1, flags).create(app)).body.details;
  }
}
const shown = (app: object) => {
  const cluster = new TestCluster();
  cluster.create(app);
  const stored = cluster.sim.apps.get("/db")?.app;
  if (stored === undefined) throw new Error("not stored");
  return shownApp(stored);
};
const at = (path: string, error?: string) => [
  { path, errors: [error === undefined ? expect.any(String) : expect.stringContaining(error)] },
];
const resident = (volume: object, over: object = {}) => ({
  ...SINGLE,
  container: { type: "MESOS", volumes: [{ containerPath: "data", mode: "RW", persistent: { size: 100 }, ...volume }] },
  ...over,
});
const external = (over: object = {}, container: object = { type: "MESOS" }) => ({
  ...COPY,
  unreachableStrategy: "disabled",
  container: {
    ...container,
    volumes: [
      {
        containerPath: "data",
        mode: "RW",
        external: { provider: "dvdi", name: "v", options: { "dvdi/driver": "rexray" }, ...over },
      },
    ],
  },
});

describe("facts 15.3: what is filled in on read-back", () => {
  test("2: {1,1} when the strategy is omitted; {0.5,0} with a persistent or external volume", () => {
    expect(shown(COPY).upgradeStrategy).toEqual({ minimumHealthCapacity: 1, maximumOverCapacity: 1 });
    const { upgradeStrategy: _, labels: __, ...bare } = RESIDENT;
    expect(shown(bare).upgradeStrategy).toEqual({ minimumHealthCapacity: 0.5, maximumOverCapacity: 0 });
    expect(shown(external()).upgradeStrategy).toEqual({ minimumHealthCapacity: 0.5, maximumOverCapacity: 0 });
  });

  test("4: unreachableStrategy {0,0}; disabled for resident apps", () => {
    expect(shown(COPY).unreachableStrategy).toEqual({ inactiveAfterSeconds: 0, expungeAfterSeconds: 0 });
    const { unreachableStrategy: _, ...bare } = RESIDENT;
    expect(shown(bare).unreachableStrategy).toBe("disabled");
  });

  test("4: each member of unreachableStrategy defaults to 0", () => {
    expect(shown({ ...COPY, unreachableStrategy: { expungeAfterSeconds: 5 } }).unreachableStrategy).toEqual({
      inactiveAfterSeconds: 0,
      expungeAfterSeconds: 5,
    });
  });

  test("5: residency is returned for resident apps and for no other", () => {
    expect(shown(RESIDENT).residency).toEqual({
      relaunchEscalationTimeoutSeconds: 3_600,
      taskLostBehavior: "WAIT_FOREVER",
    });
    expect(shown(COPY)).not.toHaveProperty("residency");
  });

  test("8: backoff 1 s × 1.15, at most 300 s", () => {
    expect(shown(COPY)).toMatchObject({ backoffSeconds: 1, backoffFactor: 1.15, maxLaunchDelaySeconds: 300 });
  });

  test("9: the defaults of a health check, HTTP among them; portIndex 0 where no port is named", () => {
    const app = { ...COPY, portDefinitions: [{ port: 0 }], healthChecks: [{}] };
    expect(shown(app).healthChecks).toEqual([
      {
        ...{ protocol: "HTTP", portIndex: 0, ipProtocol: "IPv4" },
        ...{ gracePeriodSeconds: 300, intervalSeconds: 60, timeoutSeconds: 20 },
        ...{ maxConsecutiveFailures: 3, delaySeconds: 15 },
      },
    ]);
    const command = { ...COPY, healthChecks: [{ protocol: "COMMAND", command: { value: "true" } }] };
    expect((shown(command).healthChecks as object[])[0]).not.toHaveProperty("portIndex");
  });

  test("10: host network, one default port with a service port from 10000 on, kept over updates", () => {
    const { portDefinitions: _, ...app } = COPY;
    const cluster = new TestCluster();
    cluster.create(app);
    const ports = () => cluster.sim.apps.get("/db")?.app.portDefinitions;
    expect(ports()).toMatchObject([{ port: 10_000, protocol: "tcp" }]);
    cluster.put("/db", { ...app, cmd: "exec sleep 2" }, { partial: false });
    expect(ports()).toMatchObject([{ port: 10_000 }]);
    expect(shown(app).networks).toEqual([{ mode: "host" }]);
  });

  test("10: an app without ports says so with []", () => {
    expect(shown(COPY).portDefinitions).toEqual([]);
  });

  test("15.2: unknown fields are ignored in silence, and explicit nulls are absent", () => {
    expect(shown({ ...COPY, instnaces: 5, user: null })).not.toHaveProperty("instnaces");
    expect(shown({ ...COPY, instances: null }).instances).toBe(1);
  });

  test("1: versionInfo: a scaling moves lastScalingAt only", () => {
    const cluster = new TestCluster();
    cluster.create(COPY);
    const first = cluster.sim.apps.get("/db")?.app.version;
    cluster.put("/db", { instances: 2 });
    const app = cluster.sim.apps.get("/db")?.app;
    expect(app?.versionInfo).toEqual({ lastScalingAt: app?.version, lastConfigChangeAt: first });
  });
});

describe("facts 10: deprecated fields", () => {
  const OLD = { id: "/db", cmd: "exec sleep 1", ports: [0], uris: ["http://x/y.tgz"] };

  test("10: ports and uris are translated and never returned", () => {
    const app = shown(OLD);
    expect(app).toMatchObject({
      portDefinitions: [{ port: 10_000 }],
      fetch: [{ uri: "http://x/y.tgz", extract: true }],
    });
    expect(Object.keys(app)).not.toEqual(expect.arrayContaining(["ports"]));
    expect(app).not.toHaveProperty("uris");
  });

  test.each([
    ["HOST", {}, [{ mode: "host" }]],
    ["BRIDGE", {}, [{ mode: "container/bridge" }]],
    ["USER", { ipAddress: { networkName: "blue" } }, [{ mode: "container", name: "blue" }]],
  ])("10: docker.network %s", (network, over, networks) => {
    const docker = { image: "x", network, ...(network === "HOST" ? {} : { portMappings: [{ containerPort: 80 }] }) };
    const app = shown({ id: "/db", cmd: "true", container: { type: "DOCKER", docker }, ...over });
    expect(app.networks).toEqual(networks);
    expect(JSON.stringify(app)).not.toContain(network);
  });

  test("10: old and new mixed: 422", () => {
    expect(refusedFor({ ...OLD, portDefinitions: [] })).toEqual(at("/portDefinitions"));
    expect(refusedFor({ ...OLD, fetch: [] })).toEqual(at("/fetch"));
  });
});

describe("facts 2 to 10: what is refused with 422", () => {
  test.each([
    [
      "2: a capacity above 1",
      { ...COPY, upgradeStrategy: { minimumHealthCapacity: 2, maximumOverCapacity: 0 } },
      at("/upgradeStrategy/minimumHealthCapacity", "is greater than 1"),
    ],
    ["2: the single-instance label with two instances", { ...SINGLE, instances: 2 }, at("/instances")],
    [
      "4: inactive after expunge",
      { ...COPY, unreachableStrategy: { inactiveAfterSeconds: 2, expungeAfterSeconds: 1 } },
      at("/unreachableStrategy/inactiveAfterSeconds"),
    ],
    [
      "4: a resident app with another strategy",
      { ...RESIDENT, unreachableStrategy: { expungeAfterSeconds: 1 } },
      at("/unreachableStrategy", "must be disabled for resident tasks"),
    ],
    [
      "2: a resident app with over-capacity",
      { ...RESIDENT, labels: {}, upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 1 } },
      at("/upgradeStrategy/maximumOverCapacity", "got 1.0, expected 0.0"),
    ],
    ["5: a nested containerPath", resident({ containerPath: "a/b" }), at("/container/volumes(0)/containerPath")],
    ["5: a persistent volume that is read-only", resident({ mode: "RO" }), at("/container/volumes(0)/mode")],
    ["5: size 0", resident({ persistent: { size: 0 } }), at("/container/volumes(0)/persistent/size")],
    [
      "5: maxSize on a root volume",
      resident({ persistent: { size: 1, maxSize: 2 } }),
      at("/container/volumes(0)/persistent/maxSize"),
    ],
    [
      "5: constraints on a root volume",
      resident({ persistent: { size: 1, constraints: [["path", "LIKE", "/x"]] } }),
      at("/container/volumes(0)/persistent/constraints"),
    ],
    [
      "5: acceptedResourceRoles of a resident app",
      resident({}, { acceptedResourceRoles: ["x"] }),
      at("/acceptedResourceRoles"),
    ],
    ["6: an unknown volume provider", external({ provider: "nfs" }), at("/container/volumes(0)/external/provider")],
    ["6: no driver", external({ options: {} }), at("/container/volumes(0)/external/options")],
    [
      "6: size with the Docker containerizer",
      external({ size: 1 }, { type: "DOCKER", docker: { image: "x" } }),
      at("/container/volumes(0)/external/size"),
    ],
    ["6: two instances with an external volume", { ...external(), instances: 2 }, at("/instances")],
    ["7: UNIQUE with a value", { ...COPY, constraints: [["hostname", "UNIQUE", "x"]] }, at("/constraints(0)")],
    ["7: LIKE without a value", { ...COPY, constraints: [["hostname", "LIKE"]] }, at("/constraints(0)")],
    ["7: LIKE with a broken expression", { ...COPY, constraints: [["hostname", "LIKE", "("]] }, at("/constraints(0)")],
    ["7: GROUP_BY with a word", { ...COPY, constraints: [["zone", "GROUP_BY", "x"]] }, at("/constraints(0)")],
    ["7: MAX_PER without a number", { ...COPY, constraints: [["zone", "MAX_PER"]] }, at("/constraints(0)")],
    ["7: IS with a blank", { ...COPY, constraints: [["hostname", "IS", "a b"]] }, at("/constraints(0)")],
    ["7: an unknown operator", { ...COPY, constraints: [["hostname", "EQUALS", "x"]] }, at("/constraints(0)")],
    [
      "9: two Mesos checks",
      { ...COPY, portDefinitions: [{}], healthChecks: [{ protocol: "MESOS_TCP" }, { protocol: "MESOS_HTTP" }] },
      at("/healthChecks", "at most one Mesos health check"),
    ],
    [
      "9: a portIndex that is not there",
      { ...COPY, healthChecks: [{ protocol: "MESOS_TCP" }] },
      at("/healthChecks(0)/portIndex"),
    ],
    [
      "9: a readiness check that may last longer than its interval",
      { ...COPY, portDefinitions: [{ name: "p" }], readinessChecks: [{ portName: "p", timeoutSeconds: 30 }] },
      at("/readinessChecks(0)/timeoutSeconds"),
    ],
    [
      "9: a readiness check of an unknown port",
      { ...COPY, readinessChecks: [{ portName: "p" }] },
      at("/readinessChecks(0)/portName"),
    ],
    ["10: an undefined secret", { ...COPY, env: { A: { secret: "s" } } }, at("/env(A)")],
    [
      "10: portDefinitions with a bridge",
      { ...COPY, networks: [{ mode: "container/bridge" }], portDefinitions: [{}] },
      at("/portDefinitions"),
    ],
    ["10: an underscore in the id", { ...COPY, id: "/a_b" }, at("/id")],
    ["10: an id that ends in tasks", { ...COPY, id: "/a/tasks" }, at("/id")],
    ["10: cmd together with args", { ...COPY, args: ["x"] }, at("/")],
    ["10: neither cmd nor args nor an image", { id: "/db" }, at("/")],
  ])("%s", (_, app, details) => {
    expect(refusedFor(app)).toEqual(details);
  });

  test("2: the single-instance label without an upgradeStrategy", () => {
    const { upgradeStrategy: _, ...app } = SINGLE;
    expect(refusedFor(app)).toHaveLength(2);
  });

  test("2: an upgradeStrategy needs both members", () => {
    expect(refusedFor({ ...COPY, upgradeStrategy: { minimumHealthCapacity: 0 } })).toEqual([
      { path: "/upgradeStrategy/maximumOverCapacity", errors: ["error.path.missing"] },
    ]);
  });

  test("5: resident apps cannot have the role *", () => {
    expect(refusedFor(RESIDENT, { mesosRole: "*" })).toEqual(at("/", "Resident apps cannot have the role *"));
  });

  test("6: external volumes need the feature, and the name is unique over the cluster unless shared", () => {
    expect(refusedFor(external(), { features: [] })).toEqual(
      at("/container/volumes(0)", "Feature external_volumes is not enabled"),
    );
    const cluster = new TestCluster();
    cluster.create(external());
    expect(refusal(() => cluster.create({ ...external(), id: "/other" })).status).toBe(422);
    cluster.create({ ...external({ name: "w", shared: true }), id: "/third" });
  });

  test("15.2: a wrong JSON type is 422 with the message Invalid JSON", () => {
    expect(refusal(() => new TestCluster().create({ id: 5, cmd: [] })).body).toEqual({
      message: "Invalid JSON",
      details: [
        { path: "/id", errors: ["error.expected.jsstring"] },
        { path: "/cmd", errors: ["error.expected.jsstring"] },
      ],
    });
  });

  test.each([
    [
      "5: UNLIKE on a volume",
      resident({ persistent: { type: "path", size: 1, constraints: [["path", "UNLIKE", "/x"]] } }),
    ],
    ["7: a lower-case operator", { ...COPY, constraints: [["hostname", "unique"]] }],
  ])("%s passes validation and fails in conversion: 500", (_, app) => {
    expect(refusal(() => new TestCluster().create(app)).status).toBe(500);
  });
});

describe("facts 5: what may not change on a resident app", () => {
  test.each([
    ["mem", { mem: 999 }, "may not change resource requirements"],
    [
      "the volume",
      { container: { type: "MESOS", volumes: [{ containerPath: "data", mode: "RW", persistent: { size: 200 } }] } },
      "Persistent volumes can not be changed!",
    ],
  ])("5 and 15.5: %s, with force neither", (_, update, error) => {
    const cluster = new TestCluster();
    cluster.create(RESIDENT);
    const options = { force: true, partial: true, mayCreate: true };
    const { status, body } = refusal(() => cluster.do((sim) => updateApp(sim, "/db", update, options)));
    expect({ status, details: body.details }).toEqual({ status: 422, details: at("/", error) });
  });

  test("5: a persistent volume cannot be added to an app", () => {
    const cluster = new TestCluster();
    cluster.create(SINGLE);
    expect(refusal(() => cluster.put("/db", { container: RESIDENT.container })).status).toBe(422);
  });
});

describe("facts 11: how updates are read", () => {
  const LIMITED = { ...COPY, resourceLimits: { mem: 512 }, labels: { a: "1", b: "2" } };

  test("11: a partial update replaces whole fields and cannot unset one", () => {
    const cluster = new TestCluster();
    cluster.create({ ...LIMITED, user: "x" });
    cluster.put("/db", { labels: { c: "3" }, user: null });
    expect(cluster.sim.apps.get("/db")?.app).toMatchObject({ labels: { c: "3" }, user: "x", cmd: COPY.cmd });
  });

  test("11: a partial update drops resourceLimits, which turns a scale into a restart", () => {
    const cluster = new TestCluster();
    cluster.create(LIMITED);
    const before = cluster.only().id;
    cluster.put("/db", { instances: 1 });
    expect(cluster.sim.apps.get("/db")?.app).not.toHaveProperty("resourceLimits");
    expect(cluster.only().id).not.toBe(before);
  });

  test("11: the id of the body is ignored; PATCH never creates, and an incomplete body is refused first", () => {
    const cluster = new TestCluster();
    cluster.create(COPY);
    cluster.put("/db", { id: "/other", instances: 2 });
    expect([...cluster.sim.apps.keys()]).toEqual(["/db"]);
    const patch = (body: object) =>
      refusal(() => updateApp(cluster.sim, "/new", body, { force: false, partial: true, mayCreate: false })).status;
    expect([patch({ instances: 1 }), patch({ cmd: "exec sleep 1" })]).toEqual([422, 404]);
  });

  test("11: back to an earlier definition with its version alone", () => {
    const cluster = new TestCluster();
    cluster.create(COPY);
    const version = cluster.sim.apps.get("/db")?.app.version;
    cluster.put("/db", { cmd: "exec sleep 2" });
    cluster.put("/db", { version });
    expect(cluster.sim.apps.get("/db")?.app.cmd).toBe(COPY.cmd);
  });

  test("11: POST of an id that exists is 409, the atomic create", () => {
    const cluster = new TestCluster();
    cluster.create(COPY);
    const { status, body } = refusal(() => createApp(cluster.sim, COPY));
    expect({ status, message: body.message }).toEqual({ status: 409, message: "An app with id [/db] already exists." });
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileApp } from "../compile/compile.js";
import { appsIn } from "../documents.js";
import { makeOptions, makeService } from "../service.fixture.js";
import { LINT_CODES, type LintCodeName } from "./codes.js";
import { lintDefinition } from "./lint.js";
import { splitWords } from "./wrapper-command.js";

/** A definition under the wrapper, without a finding. */
const wrapped = compileApp(makeService(), { kind: "any" }, makeOptions()).definition;

/** A definition as a careful person writes it, without Holdfast: only that is found. */
const careful = {
  id: "/db/main",
  cmd: "exec mysqld --datadir=/data/mysql",
  instances: 1,
  cpus: 1,
  mem: 1024,
  disk: 256,
  labels: { MARATHON_SINGLE_INSTANCE_APP: "true" },
  upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
  unreachableStrategy: "disabled",
  taskKillGracePeriodSeconds: 120,
  maxLaunchDelaySeconds: 60,
  constraints: [["hostname", "IS", "node-1.example"]],
  container: {
    type: "DOCKER",
    docker: { image: "mysql:8.0.36" },
    volumes: [{ containerPath: "/data", hostPath: "/srv/main", mode: "RW" }],
  },
  healthChecks: [{ protocol: "COMMAND", command: { value: "mysqladmin ping" }, gracePeriodSeconds: 900 }],
};
const resident = {
  ...careful,
  container: {
    type: "DOCKER",
    docker: { image: "mysql:8.0.36" },
    volumes: [
      { containerPath: "data", mode: "RW", persistent: { size: 100 } },
      { containerPath: "/data", hostPath: "data", mode: "RW" },
    ],
  },
};
const dvdi = (external: object, type = "MESOS") => ({
  ...careful,
  container: { type, docker: { image: "mysql:8.0.36" }, volumes: [{ containerPath: "/data", mode: "RW", external }] },
});
const goodDvdi = { provider: "dvdi", name: "main", options: { "dvdi/driver": "rexray" } };
const check = (change: object) => ({ healthChecks: [{ ...careful.healthChecks[0], ...change }] });
const without = (definition: object, ...fields: string[]) =>
  Object.fromEntries(Object.entries(definition).filter(([field]) => !fields.includes(field)));
const runArgs = wrapped.args as string[];
const codesOf = (definition: unknown) => lintDefinition(definition).map(({ code }) => code);

test("what compiles has no finding; a careful definition lacks only the wrapper", () => {
  expect(codesOf(wrapped)).toEqual([]);
  for (const definition of [careful, resident, dvdi(goodDvdi)]) {
    expect(codesOf(definition)).toEqual(["MARATHON_NO_WRAPPER"]);
  }
});

type Row = readonly [code: LintCodeName, definition: object, pointer: string];
const rows: readonly Row[] = [
  ["MARATHON_WRONG_TYPE", { ...careful, instances: "1" }, "/instances"],
  ["MARATHON_UNKNOWN_FIELD", { ...careful, upgradeStrategie: {} }, "/upgradeStrategie"],
  ["MARATHON_BAD_ID", { ...careful, id: "/db/Main" }, "/id"],
  ["MARATHON_BAD_ID", { ...careful, id: "/db/tasks" }, "/id"],
  ["MARATHON_BAD_ID", without(careful, "id"), "/id"],
  ["MARATHON_DEPRECATED_FIELD", { ...careful, ports: [3306] }, "/ports"],
  ["MARATHON_NO_COMMAND", without(careful, "cmd", "container"), ""],
  ["MARATHON_CMD_AND_ARGS", { ...careful, args: ["mysqld"] }, "/args"],
  ["MARATHON_NO_WRAPPER", careful, "/cmd"],
  ["MARATHON_NO_WAIT", { ...wrapped, args: runArgs.filter((arg) => arg !== "--wait") }, "/args"],
  [
    "MARATHON_WAIT_LIMITED",
    { ...wrapped, args: runArgs.map((arg) => (arg === "--wait" ? "--wait=60s" : arg)) },
    "/args",
  ],
  ["MARATHON_FIRST_RUN", { ...wrapped, args: [...runArgs, "--first-run"] }, "/args"],
  ["MARATHON_NO_VOLUME_GUARD", { ...wrapped, args: runArgs.filter((arg) => arg !== "-f") }, "/args"],
  ["MARATHON_INSTANCES", { ...careful, labels: {}, instances: 2 }, "/instances"],
  ["MARATHON_IDLE_INSTANCES", { ...wrapped, labels: {}, instances: 3 }, "/instances"],
  ["MARATHON_NO_SINGLE_INSTANCE_LABEL", { ...careful, labels: {} }, "/labels"],
  ["MARATHON_SINGLE_INSTANCE_REFUSED", { ...careful, instances: 2 }, "/labels/MARATHON_SINGLE_INSTANCE_APP"],
  ["MARATHON_SINGLE_INSTANCE_REFUSED", without(careful, "upgradeStrategy"), "/labels/MARATHON_SINGLE_INSTANCE_APP"],
  ["MARATHON_UPGRADE_OVERLAP", without(careful, "upgradeStrategy"), "/upgradeStrategy"],
  [
    "MARATHON_UPGRADE_OVERLAP",
    { ...careful, upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 0 } },
    "/upgradeStrategy",
  ],
  ["MARATHON_UPGRADE_OVERLAP", without(dvdi(goodDvdi), "upgradeStrategy"), "/upgradeStrategy"],
  ["MARATHON_UPGRADE_OVERLAP_WAITS", without(wrapped, "upgradeStrategy"), "/upgradeStrategy"],
  ["MARATHON_UPGRADE_INCOMPLETE", { ...careful, upgradeStrategy: { minimumHealthCapacity: 0 } }, "/upgradeStrategy"],
  [
    "MARATHON_OVER_CAPACITY_REFUSED",
    { ...resident, upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 1 } },
    "/upgradeStrategy/maximumOverCapacity",
  ],
  ["MARATHON_UNREACHABLE_REPLACES", without(careful, "unreachableStrategy"), "/unreachableStrategy"],
  ["MARATHON_UNREACHABLE_REPLACES", without(dvdi(goodDvdi), "unreachableStrategy"), "/unreachableStrategy"],
  [
    "MARATHON_UNREACHABLE_SLOW",
    { ...wrapped, unreachableStrategy: { inactiveAfterSeconds: 60, expungeAfterSeconds: 120 } },
    "/unreachableStrategy",
  ],
  ["MARATHON_UNREACHABLE_FORGETS", without(wrapped, "unreachableStrategy"), "/unreachableStrategy"],
  [
    "MARATHON_UNREACHABLE_REFUSED",
    { ...careful, unreachableStrategy: { inactiveAfterSeconds: 60, expungeAfterSeconds: 30 } },
    "/unreachableStrategy",
  ],
  [
    "MARATHON_UNREACHABLE_REFUSED",
    { ...resident, unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 } },
    "/unreachableStrategy",
  ],
  ["MARATHON_KILLS_OLDEST", { ...careful, killSelection: "OLDEST_FIRST" }, "/killSelection"],
  ["MARATHON_KILL_GRACE_UNSET", without(careful, "taskKillGracePeriodSeconds"), "/taskKillGracePeriodSeconds"],
  ["MARATHON_KILL_GRACE_SHORT", { ...careful, taskKillGracePeriodSeconds: 30 }, "/taskKillGracePeriodSeconds"],
  [
    "MARATHON_KILL_GRACE_SHORT",
    { ...wrapped, args: [...runArgs, "--stop-budget-ms", "60000"] },
    "/taskKillGracePeriodSeconds",
  ],
  ["MARATHON_SHELL_WITHOUT_EXEC", { ...careful, cmd: "mysqld --datadir=/data" }, "/cmd"],
  [
    "MARATHON_ARGS_WITHOUT_PROGRAM",
    {
      ...without(careful, "cmd"),
      args: ["mysqld"],
      container: { ...careful.container, type: "MESOS", docker: undefined },
    },
    "/args",
  ],
  ["MARATHON_LEADER_CHECK", { ...careful, ...check({ protocol: undefined }) }, "/healthChecks/0/protocol"],
  ["MARATHON_PORT_CHECK", { ...careful, ...check({ protocol: "MESOS_TCP" }) }, "/healthChecks/0/protocol"],
  [
    "MARATHON_PORT_CHECK_KILLS_WAITING",
    { ...wrapped, ...check({ protocol: "MESOS_TCP" }) },
    "/healthChecks/0/protocol",
  ],
  [
    "MARATHON_SEVERAL_CHECKS",
    { ...careful, healthChecks: [...careful.healthChecks, ...careful.healthChecks] },
    "/healthChecks",
  ],
  ["MARATHON_NO_CHECK", without(careful, "healthChecks"), "/healthChecks"],
  [
    "MARATHON_CHECK_KILLS_AT_ONCE",
    { ...careful, ...check({ maxConsecutiveFailures: 0 }) },
    "/healthChecks/0/maxConsecutiveFailures",
  ],
  [
    "MARATHON_GRACE_SHORT",
    { ...careful, ...check({ gracePeriodSeconds: undefined }) },
    "/healthChecks/0/gracePeriodSeconds",
  ],
  ["MARATHON_CHECK_WITHOUT_COMMAND", { ...careful, ...check({ command: undefined }) }, "/healthChecks/0/command"],
  [
    "MARATHON_CHECK_PORT_MISSING",
    { ...careful, ...check({ protocol: "MESOS_TCP", portIndex: 1 }) },
    "/healthChecks/0/portIndex",
  ],
  ["MARATHON_READINESS_REFUSED", { ...careful, readinessChecks: [{ portName: "http" }] }, "/readinessChecks"],
  ["MARATHON_LAUNCH_DELAY", without(careful, "maxLaunchDelaySeconds"), "/maxLaunchDelaySeconds"],
  ["MARATHON_NO_BACKOFF", { ...careful, backoffSeconds: 0 }, "/backoffSeconds"],
  ["MARATHON_CONSTRAINT_REFUSED", { ...careful, constraints: [["hostname", "is", "a"]] }, "/constraints/0"],
  ["MARATHON_CONSTRAINT_REFUSED", { ...careful, constraints: [["hostname", "UNIQUE", "a"]] }, "/constraints/0"],
  ["MARATHON_CONSTRAINT_REFUSED", { ...careful, constraints: [["hostname", "LIKE", "("]] }, "/constraints/0"],
  ["MARATHON_CLUSTER_PINS_NOTHING", { ...careful, constraints: [["hostname", "CLUSTER"]] }, "/constraints/0"],
  ["MARATHON_LIKE_DOT", { ...careful, constraints: [["hostname", "LIKE", "node-1.example"]] }, "/constraints/0"],
  ["MARATHON_MEM_UNSET", without(careful, "mem"), "/mem"],
  [
    "MARATHON_DISK_UNSET",
    { ...careful, disk: 0, fetch: [{ uri: "https://files.example/a-1.tgz", cache: true }] },
    "/disk",
  ],
  ["MARATHON_CPUS_REFUSED", { ...careful, cpus: 0 }, "/cpus"],
  ["MARATHON_LIMITS_LOST", { ...careful, resourceLimits: { cpus: 2 } }, "/resourceLimits"],
  ["MARATHON_FETCH_NOT_CACHED", { ...careful, fetch: [{ uri: "https://files.example/a-1.tgz" }] }, "/fetch/0"],
  [
    "MARATHON_FETCH_NOT_EXECUTABLE",
    { ...wrapped, fetch: [{ uri: "https://files.example/x", destPath: "holdfast", cache: true }] },
    "/fetch/0",
  ],
  [
    "MARATHON_IMAGE_MOVES",
    { ...careful, container: { ...careful.container, docker: { image: "host:5000/mysql" } } },
    "/container/docker/image",
  ],
  [
    "MARATHON_IMAGE_PULLED",
    { ...careful, container: { ...careful.container, docker: { image: "mysql:8.0.36", forcePullImage: true } } },
    "/container/docker/forcePullImage",
  ],
  ["MARATHON_PORT_IS_DYNAMIC", { ...careful, portDefinitions: [{ port: 3306 }] }, "/portDefinitions/0/port"],
  [
    "MARATHON_PORTS_REFUSED",
    { ...careful, networks: [{ mode: "container/bridge" }], portDefinitions: [{ port: 0 }] },
    "/portDefinitions",
  ],
  ["MARATHON_DATA_IN_SANDBOX", { ...careful, container: { ...careful.container, volumes: [] } }, "/container/volumes"],
  ["MARATHON_DATA_NOT_PINNED", without(careful, "constraints"), "/container/volumes/0"],
  ["MARATHON_DATA_NOT_PINNED", { ...careful, constraints: [["hostname", "CLUSTER"]] }, "/container/volumes/0"],
  [
    "MARATHON_VOLUME_REFUSED",
    volumes({ containerPath: "a/b", mode: "RW", persistent: { size: 1 } }),
    "/container/volumes/0",
  ],
  [
    "MARATHON_VOLUME_REFUSED",
    volumes({ containerPath: "data", mode: "RO", persistent: { size: 1 } }),
    "/container/volumes/0",
  ],
  [
    "MARATHON_VOLUME_REFUSED",
    volumes({ containerPath: "data", mode: "RW", persistent: { size: 1, maxSize: 2 } }),
    "/container/volumes/0",
  ],
  [
    "MARATHON_VOLUME_NOT_MAPPED",
    volumes({ containerPath: "data", mode: "RW", persistent: { size: 1 } }),
    "/container/volumes/0",
  ],
  ["MARATHON_RESIDENCY_WITHOUT_VOLUME", { ...careful, residency: {} }, "/residency"],
  ["MARATHON_RESIDENCY_NO_EFFECT", { ...resident, residency: {} }, "/residency"],
  ["MARATHON_RESIDENT_ROLES_REFUSED", { ...resident, acceptedResourceRoles: ["db"] }, "/acceptedResourceRoles"],
  ["MARATHON_EXTERNAL_REFUSED", dvdi({ provider: "dvdi", name: "main", options: {} }), "/container/volumes/0/external"],
  ["MARATHON_EXTERNAL_DEFAULT_SIZE", dvdi(goodDvdi, "DOCKER"), "/container/volumes/0/external"],
  ["MARATHON_SECRET_IN_ENV", { ...careful, env: { DB_PASSWORD: "hunter2" } }, "/env/DB_PASSWORD"],
  ["MARATHON_SECRET_IN_ENV", { ...careful, env: { URL: "mysql://me:hunter2@db/main" } }, "/env/URL"],
  [
    "MARATHON_SECRET_IN_LABEL",
    { ...careful, labels: { ...careful.labels, "api-token": "hunter2" } },
    "/labels/api-token",
  ],
  ["MARATHON_SECRET_IN_COMMAND", { ...careful, cmd: "exec mysqld --password=hunter2" }, "/cmd"],
  [
    "MARATHON_SECRET_IN_COMMAND",
    { ...careful, ...check({ command: { value: "mysqladmin --password 'hunter2' ping" } }) },
    "/healthChecks/0/command/value",
  ],
  ["MARATHON_SECRET_UNDEFINED", { ...careful, env: { DB_PASSWORD: { secret: "db" } } }, "/env/DB_PASSWORD"],
  [
    "MARATHON_SECRET_NEEDS_PLUGIN",
    { ...careful, env: { DB_PASSWORD: { secret: "db" } }, secrets: { db: { source: "/db" } } },
    "/secrets",
  ],
];

function volumes(...list: readonly object[]) {
  return { ...careful, container: { ...careful.container, volumes: list } };
}

describe("lintDefinition", () => {
  test.each(rows)("finds %s", (code, definition, pointer) => {
    const finding = lintDefinition(definition).find((candidate) => candidate.code === code);
    expect(finding).toMatchObject({ code, pointer, severity: LINT_CODES[code].severity, fix: LINT_CODES[code].fix });
    expect(JSON.stringify(lintDefinition(definition))).not.toContain("hunter2");
  });

  test("every code is found by a row above", () => {
    const tried = new Set(rows.map(([code]) => code));
    const untried = Object.keys(LINT_CODES).filter((code) => !tried.has(code as LintCodeName));
    expect(untried).toEqual(["MARATHON_NOT_AN_APP"]);
    expect(codesOf([])).toEqual(untried);
  });

  test.each([
    ["a password file", { env: { MYSQL_ROOT_PASSWORD_FILE: "/run/secrets/root" } }],
    ["a secret by reference to a file", { cmd: "exec mysqld --password=/run/secrets/root" }],
    ["a password that is the path of a file", { env: { DB_PASSWORD: "/run/secrets/db" } }],
    ["a pin by CLUSTER with a value", { constraints: [["hostname", "CLUSTER", "node-1.example"]] }],
    ["null for what is absent", { args: null, ports: null, uris: [] }],
    ["what Marathon reports", { version: "2026-01-01T00:00:00.000Z", tasksRunning: 1, deployments: [] }],
    ["a dot that is meant", { constraints: [["hostname", "LIKE", "node-1.*"]] }],
    [
      "a registry with a port, and a tag",
      { container: { ...careful.container, docker: { image: "host:5000/mysql:8.0" } } },
    ],
  ])("lets %s pass", (_, change) => {
    expect(codesOf({ ...careful, ...change })).toEqual(["MARATHON_NO_WRAPPER"]);
  });

  test("a check that asks the run needs a grace of a minute only; the run has limits of its own", () => {
    const [asking] = wrapped.healthChecks as object[];
    const grace = (gracePeriodSeconds: number) =>
      codesOf({ ...wrapped, healthChecks: [{ ...asking, gracePeriodSeconds }] });
    expect(grace(60)).toEqual([]);
    expect(grace(59)).toEqual(["MARATHON_GRACE_SHORT"]);
  });

  test("finds the wrapper behind another program and its own --", () => {
    const args = ["env", "--", ...runArgs, "--", "mysqld", "--wait"];
    expect(codesOf({ ...wrapped, args })).toEqual([]);
    expect(
      codesOf({ ...wrapped, args: args.filter((arg, index) => arg !== "--wait" || index === args.length - 1) }),
    ).toEqual(["MARATHON_NO_WAIT"]);
  });

  test("says all that it can of a definition in wrong types", () => {
    expect(codesOf({ ...careful, container: 1, healthChecks: {} })).toEqual(
      expect.arrayContaining(["MARATHON_WRONG_TYPE", "MARATHON_NO_WRAPPER", "MARATHON_NO_CHECK"]),
    );
  });

  test("survives whatever JSON can hold, and names no pointer twice for one code", () => {
    const fields = fc.constantFrom(...Object.keys({ ...careful, ...wrapped }), "fetch", "env", "secrets", "networks");
    fc.assert(
      fc.property(fc.dictionary(fields, fc.jsonValue()), (definition) => {
        const findings = lintDefinition({ ...careful, ...definition });
        for (const { code } of findings) expect(LINT_CODES).toHaveProperty([code]);
      }),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.jsonValue(), (value) => void lintDefinition(value)));
  });

  test("does not depend on the order of keys", () => {
    const sorted = (definition: object) => [...codesOf(definition)].sort();
    for (const [, definition] of rows) {
      const reversed = Object.fromEntries(Object.entries(definition).reverse());
      expect(sorted(reversed)).toEqual(sorted(definition));
    }
  });
});

describe("appsIn", () => {
  const app = { id: "/a", cmd: "sleep 1" };
  test.each([
    ["an app", app, [""]],
    ["a list", [app, app], ["/0", "/1"]],
    ["an answer for one app", { app }, ["/app"]],
    ["an answer for all apps", { apps: [app] }, ["/apps/0"]],
    [
      "a group in a group",
      { id: "/", apps: [], groups: [{ id: "/g", apps: [app], groups: [] }] },
      ["/groups/0/apps/0"],
    ],
    ["a task", { id: "a.1", appId: "/a", state: "TASK_RUNNING" }, []],
    ["a pod", { id: "/p", containers: [{ name: "a" }], scaling: { kind: "fixed" } }, []],
    ["nothing", null, []],
  ])("finds what is in %s", (_, document, pointers) => {
    expect(appsIn(document).map(({ pointer }) => pointer)).toEqual(pointers);
  });
});

test.each([
  ["a  b", ["a", "b"]],
  [`'it'\\''s' "a b" c\\ d`, ["it's", "a b", "c d"]],
  [`"$HOME/x" "\\"q\\""`, ["$HOME/x", '"q"']],
  ["", []],
])("splitWords reads %s", (line, words) => {
  expect(splitWords(line)).toEqual(words);
});

describe("the controller's own definition", () => {
  const controller = { id: "/holdfast/controller", mem: 256, disk: 100, instances: 3 };
  const codes = (definition: unknown) => lintDefinition(definition).map(({ code }) => code);

  test("may have several copies, whichever way it is started", () => {
    expect(codes({ ...controller, cmd: "exec ./holdfast controller --listen 0.0.0.0:$PORT0" })).toEqual([]);
    expect(codes({ ...controller, args: ["/usr/bin/holdfast", "controller"] })).toEqual([]);
  });

  test("is judged by its form, its secrets and its resources", () => {
    const cmd = "exec ./holdfast controller --store zookeeper://user:hunter2@zk:2181/x";
    expect(codes({ ...controller, cmd, mem: undefined }).length).toBeGreaterThan(0);
  });

  test("is not what only has that word in it", () => {
    expect(codes({ ...controller, cmd: "exec ./controller holdfast" })).toContain("MARATHON_NO_WRAPPER");
  });
});

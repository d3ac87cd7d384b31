import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileApp } from "../compile/compile.js";
import { makeOptions, makeService, STRATEGIES } from "../service.fixture.js";
import { diffApp } from "./diff.js";

const compiled = compileApp(makeService(), { kind: "any" }, makeOptions());
const app = compiled.definition;
const resident = compileApp(makeService(), { kind: "any" }, makeOptions(STRATEGIES["mesos-volume"])).definition;

/** As Marathon gives it back: defaults filled in, and what it reports beside. */
function readBack(definition: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { healthChecks, portDefinitions } = definition as Record<string, Record<string, unknown>[]>;
  return {
    backoffFactor: 1.15,
    executor: "",
    gpus: 0,
    dependencies: [],
    readinessChecks: [],
    secrets: {},
    role: "holdfast",
    acceptedResourceRoles: ["holdfast", "*"],
    executorResources: { cpus: 0.1, mem: 32, disk: 10 },
    ...definition,
    healthChecks: healthChecks?.map((check) => ({
      delaySeconds: 15,
      ignoreHttp1xx: false,
      ipProtocol: "IPv4",
      ...check,
    })),
    portDefinitions: portDefinitions?.map((port) => ({ labels: {}, ...port })),
    version: "2026-01-01T00:00:00.000Z",
    versionInfo: { lastScalingAt: "2026-01-01T00:00:00.000Z", lastConfigChangeAt: "2026-01-01T00:00:00.000Z" },
    tasksStaged: 0,
    tasksRunning: 1,
    tasksHealthy: 1,
    tasksUnhealthy: 0,
    deployments: [],
    tasks: [],
  };
}

describe("diffApp", () => {
  test.each([
    ["the same", app, app, "none"],
    ["what Marathon gives back", readBack(app), app, "none"],
    [
      "what Marathon gives back of a resident app",
      { ...readBack(resident), residency: { taskLostBehavior: "WAIT_FOREVER" } },
      resident,
      "none",
    ],
    ["a null for what is absent", { ...app, user: "root", acceptedResourceRoles: null }, app, "none"],
    ["an id without its slash", { ...app, id: "orders-db" }, app, "none"],
    ["no app", null, app, "create"],
    ["another number of instances", { ...app, instances: 3 }, app, "scale"],
    ["instances that become 0, whatever else", app, { ...app, instances: 0, mem: 1 }, "stop"],
    ["one that was stopped", { ...app, instances: 0, mem: 1 }, app, "start"],
    ["one that was stopped and stays so", { ...app, instances: 0 }, { ...app, instances: 0, mem: 1 }, "none"],
    ["a label", { ...app, labels: {} }, app, "restart"],
    ["a health check", { ...app, healthChecks: [] }, app, "restart"],
    ["a backoff", { ...app, maxLaunchDelaySeconds: 300 }, app, "restart"],
    ["a resident app's label", { ...resident, labels: {} }, resident, "restart"],
    ["a resident app's memory", { ...resident, mem: 1 }, resident, "refused"],
    ["a resident app's ports", { ...resident, requirePorts: false }, resident, "refused"],
    ["a persistent volume that comes", app, { ...app, container: resident.container }, "refused"],
  ])("%s: %#", (_, before, after, effect) => {
    expect(diffApp(before, after)).toMatchObject({ effect });
  });

  test("a volume that grows is refused and says what to do instead", () => {
    const scheduler = { ...STRATEGIES["mesos-volume"].scheduler, sizeMiB: 20_480 };
    const options = makeOptions({ ...STRATEGIES["mesos-volume"], scheduler });
    const larger = compileApp(makeService(), { kind: "any" }, options).definition;
    expect(diffApp(resident, larger)).toMatchObject({ effect: "refused", why: expect.stringContaining("a new app") });
  });

  test("a service port that Marathon assigned is no change; one that is required is", () => {
    const ports = (port: number) => ({ ...app, requirePorts: false, portDefinitions: [{ port, name: "service" }] });
    expect(diffApp(ports(10_017), ports(0)).effect).toBe("none");
    expect(diffApp({ ...ports(10_017), requirePorts: true }, { ...ports(10_018), requirePorts: true }).effect).toBe(
      "restart",
    );
  });

  test("names each field that differs, and why it restarts", () => {
    const { changes, why } = diffApp(app, { ...app, mem: 1_024, labels: { ...(app.labels as object), team: "a" } });
    expect(changes).toEqual([
      { pointer: "/labels/team", before: undefined, after: '"a"' },
      { pointer: "/mem", before: "512", after: "1024" },
    ]);
    expect(why).toContain("/labels, /mem");
  });

  test("shows nothing of the environment: a definition from elsewhere may have secrets there", () => {
    const { changes } = diffApp({ ...app, env: { DB_PASSWORD: "hunter2" } }, app);
    expect(JSON.stringify(changes)).not.toContain("hunter2");
    expect(changes.map(({ pointer }) => pointer)).toContain("/env/DB_PASSWORD");
  });

  test("the fields that compiling calls restarting do restart, and the others do not", () => {
    for (const field of Object.keys(app)) {
      if (field === "id") continue;
      const restarts = diffApp({ ...app, [field]: "changed" }, app).effect === "restart";
      expect(restarts, field).toBe(compiled.restarts.includes(`/${field}`));
    }
  });

  test("a service that changes nothing for a run restarts nothing", () => {
    const other = makeService({ alerts: { backupAgeHours: 1 }, exclusivity: makeService().spec.exclusivity });
    expect(diffApp(app, compileApp(other, { kind: "any" }, makeOptions()).definition).effect).toBe("none");
  });

  test("whatever JSON there is, it equals itself", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(resident)), fc.jsonValue()), (change) => {
        const definition = { ...resident, ...change };
        const copy: Record<string, unknown> = Object.fromEntries(Object.entries(structuredClone(definition)).reverse());
        expect(diffApp(definition, copy).effect).toBe("none");
      }),
    );
  });
});

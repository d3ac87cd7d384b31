import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFINITION } from "../marathon.fixture.js";
import { type App, appSchema } from "../schemas.js";
import { differences } from "./differences.js";
import { judgeAppWrite, tasksStillThere } from "./judge.js";

/** What Marathon gives back for a definition: defaults filled in, ports assigned, counts and versions beside it. */
function stored(definition: object, version: string): App {
  return appSchema.parse({
    ...{ backoffFactor: 1.15, backoffSeconds: 1, disk: 0, executor: "", gpus: 0, requirePorts: false, role: "*" },
    ...{ tasksStaged: 0, tasksRunning: 1, deployments: [], dependencies: [], fetch: [], secrets: {} },
    ...definition,
    portDefinitions: [{ port: 10_017, name: "mysql", protocol: "tcp", labels: {} }],
    healthChecks: [
      { protocol: "COMMAND", command: { value: "holdfast health" }, gracePeriodSeconds: 600, intervalSeconds: 60 },
    ],
    version,
    versionInfo: { lastScalingAt: version, lastConfigChangeAt: version },
  });
}

const BEFORE = stored({ ...DEFINITION, cpus: 1 }, "v1");

test("a definition is recognised in what Marathon makes of it", () => {
  expect(differences(DEFINITION, stored(DEFINITION, "v1"), "whole")).toEqual([]);
});

test.each([
  ["another value", { cpus: 3 }, ["cpus"]],
  ["a lost label", { labels: {} }, ["labels.MARATHON_SINGLE_INSTANCE_APP"]],
  ["a label that is not ours", { labels: { ...DEFINITION.labels, x: "y" } }, ["labels.x"]],
  ["another constraint", { constraints: [["hostname", "IS", "node-2"]] }, ["constraints.0.2"]],
  ["a constraint more", { constraints: [...DEFINITION.constraints, ["rack", "UNIQUE"]] }, ["constraints"]],
  ["a strategy in its other form", { unreachableStrategy: "disabled" }, ["unreachableStrategy"]],
  ["what the definition leaves out and should be default", { backoffSeconds: 7 }, ["backoffSeconds"]],
  ["a field that the definition does not have", { dependencies: ["/x"] }, ["dependencies"]],
])("%s is a difference", (_, change, paths) => {
  expect(differences(DEFINITION, stored({ ...DEFINITION, ...change }, "v1"), "whole")).toEqual(paths);
});

test("a patch looks at what it names and at nothing else", () => {
  expect(differences({ instances: 1 }, stored({ ...DEFINITION, cpus: 9 }, "v1"), "named")).toEqual([]);
  expect(differences({ instances: 0 }, BEFORE, "named")).toEqual(["instances"]);
});

test("a fixed port is compared, an assigned one is not", () => {
  const app = stored(DEFINITION, "v1");
  const at = (port: number) => ({
    ...DEFINITION,
    portDefinitions: [{ port, name: "mysql", protocol: "tcp" as const }],
  });
  expect(differences(at(3306), app, "whole")).toEqual(["portDefinitions.0.port"]);
  expect(differences(at(10_017), app, "whole")).toEqual([]);
});

test("a replacement was applied, was not, or somebody else was there", () => {
  const write = { kind: "replace", before: BEFORE, definition: DEFINITION } as const;
  expect(judgeAppWrite(write, stored(DEFINITION, "v2"))).toEqual({ kind: "applied", version: "v2" });
  expect(judgeAppWrite(write, BEFORE)).toEqual({ kind: "not-applied" });
  expect(judgeAppWrite(write, stored({ ...DEFINITION, cpus: 8 }, "v2"))).toEqual({
    kind: "overtaken",
    version: "v2",
    differences: ["cpus"],
  });
  expect(judgeAppWrite(write, null)).toMatchObject({ kind: "overtaken", version: null });
});

test("a replacement by what is there already is applied, whatever became of the request", () => {
  const before = stored(DEFINITION, "v1");
  expect(judgeAppWrite({ kind: "replace", before, definition: DEFINITION }, before)).toMatchObject({ kind: "applied" });
});

test("a creation was applied, was not, or somebody else's app is there", () => {
  const write = { kind: "create", definition: DEFINITION } as const;
  expect(judgeAppWrite(write, null)).toEqual({ kind: "not-applied" });
  expect(judgeAppWrite(write, stored(DEFINITION, "v1"))).toMatchObject({ kind: "applied" });
  expect(judgeAppWrite(write, stored({ ...DEFINITION, cmd: "theirs" }, "v1"))).toMatchObject({ kind: "overtaken" });
});

test("a deletion was applied, was not, or the app is another one now", () => {
  const write = { kind: "delete", before: BEFORE } as const;
  expect(judgeAppWrite(write, null)).toEqual({ kind: "applied", version: null });
  expect(judgeAppWrite(write, BEFORE)).toEqual({ kind: "not-applied" });
  expect(judgeAppWrite(write, stored(DEFINITION, "v9"))).toMatchObject({ kind: "overtaken", version: "v9" });
});

test("no change of a field that was asked for is taken for applied", () => {
  // One field of the read-back differs from what was asked: whichever it is, the verdict is never "applied".
  const fields = Object.keys(DEFINITION).filter((name) => name !== "id") as (keyof typeof DEFINITION)[];
  fc.assert(
    fc.property(fc.constantFrom(...fields), fc.constantFrom("x", 987, ["x"], { x: "y" }), (field, value) => {
      const app = { ...stored(DEFINITION, "v2"), [field]: value } as App;
      const verdict = judgeAppWrite({ kind: "replace", before: BEFORE, definition: DEFINITION }, app);
      expect(verdict).toMatchObject({ kind: "overtaken" });
    }),
  );
});

test("killed tasks are still there while they are listed as if nobody had killed them", () => {
  const task = (id: string, state: string) => ({ id, appId: "/x", state });
  const tasks = [
    task("a", "TASK_RUNNING"),
    task("b", "TASK_KILLING"),
    task("c", "TASK_UNREACHABLE"),
    task("d", "TASK_KILLED"),
  ];
  expect(tasksStillThere(["a", "b", "c", "d", "gone"], tasks)).toEqual(["a", "c"]);
});

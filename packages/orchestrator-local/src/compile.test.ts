import { DEFAULT_LEASE_TIMING, type Service } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import { compileService } from "./compile.js";
import { definitionVersion, fillPlaceholders, parseDefinition } from "./definition.js";
import { lintDefinition } from "./lint.js";

const service: Service = {
  apiVersion: "holdfast/v1",
  kind: "Service",
  metadata: { name: "orders-db", labels: {} },
  spec: {
    engine: { type: "process", command: ["redis-server", "--port", "6379"], options: {} },
    storage: [{ role: "data", strategy: "shared-fs", mountPath: "/srv/orders-db", options: {} }],
    exclusivity: {
      ...DEFAULT_LEASE_TIMING,
      minimumGrade: "lease-only",
      onStoreLoss: "stop",
      attachTimeoutMs: 300_000,
      controllerSide: "inline",
    },
    resources: { cpus: 1, memMiB: 256 },
    standby: "none",
    backup: [],
    restore: { onEmptyVolume: "never" },
    alerts: {},
    plugins: [],
  },
};
const options = { wrapper: ["holdfast"] as const, store: "dir://{{agentDir}}/store" };
const compile = (of = service) => compileService(of, { kind: "any" }, options);

describe("compileService", () => {
  test("gives the same definition for the same service", () => {
    expect(compile()).toEqual(compile());
  });

  test("wraps the command and always waits for the lease", () => {
    const { argv } = parseDefinition(compile().definition);
    expect(argv.slice(0, 2)).toEqual(["holdfast", "run"]);
    expect(argv).toContain("--wait");
    expect(argv.slice(argv.indexOf("--") + 1)).toEqual(["redis-server", "--port", "6379"]);
  });

  test("gives a reason for every field and every argument", () => {
    const { definition, reasons } = compile();
    for (const key of Object.keys(definition)) {
      if (key !== "argv") expect(reasons, key).toHaveProperty([`/${key}`]);
    }
    for (const index of parseDefinition(definition).argv.keys()) {
      expect(reasons, String(index)).toHaveProperty([`/argv/${index}`]);
    }
  });

  test("has no finding of its own linter", () => {
    expect(lintDefinition(compile().definition)).toEqual([]);
  });

  test("says that it keeps no warm standby", () => {
    expect(compile({ ...service, spec: { ...service.spec, standby: "warm" } }).warnings).toEqual([
      expect.stringContaining("standby"),
    ]);
  });

  test("refuses an engine whose command is not known", () => {
    const redis = { ...service.spec, engine: { type: "redis", version: "7.0", options: {}, secrets: {} } };
    expect(() => compile({ ...service, spec: redis })).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  });
});

describe("with a service file on the agents", () => {
  const withFile = { ...options, serviceFile: () => "{{agentDir}}/orders-db.yaml", pluginDirs: ["/opt/p1", "/opt/p2"] };
  const compileFile = (of = service) => compileService(of, { kind: "any" }, withFile);

  test("a run takes service, lease, storage and command from it", () => {
    const { argv } = parseDefinition(compileFile().definition);
    expect(argv.slice(0, 4)).toEqual(["holdfast", "run", "-f", "{{agentDir}}/orders-db.yaml"]);
    expect(argv[argv.indexOf("--plugin-dir") + 1]).toBe("/opt/p1:/opt/p2");
    for (const flag of ["--wait", "--store", "--agent", "--status-socket"]) expect(argv).toContain(flag);
    for (const flag of ["--volume", "--lease-ms", "--"]) expect(argv).not.toContain(flag);
  });

  test("what an engine's plugin says is given beside it", () => {
    const redis = { ...service.spec, engine: { type: "redis", version: "7.0", options: {}, secrets: {} } };
    const command = { argv: ["redis-server"] as const, env: { A: "1" }, stopSignal: "SIGINT", user: "redis" } as const;
    const compiled = compileService(
      { ...service, spec: redis },
      { kind: "any" },
      { ...withFile, command: () => command },
    );
    const { argv, env } = parseDefinition(compiled.definition);
    expect(argv.slice(argv.indexOf("--user"))).toEqual([
      "--user",
      "redis",
      "--stop-signal",
      "SIGINT",
      "--",
      "redis-server",
    ]);
    expect(env).toMatchObject({ A: "1" });
  });

  test("has no finding of its own linter, and a reason for every argument", () => {
    const { definition, reasons } = compileFile();
    expect(lintDefinition(definition)).toEqual([]);
    for (const index of parseDefinition(definition).argv.keys()) expect(reasons).toHaveProperty([`/argv/${index}`]);
  });

  test("another content is another definition, unless a run has nothing to do with it", () => {
    const version = (of: Service) => definitionVersion(parseDefinition(compileFile(of).definition));
    const [storage] = service.spec.storage;
    if (storage === undefined) throw new Error("no storage");
    const moved = { ...service.spec, storage: [{ ...storage, options: { source: "other" } }] };
    expect(version({ ...service, spec: moved })).not.toBe(version(service));
    expect(version({ ...service, spec: { ...service.spec, alerts: { backupAgeHours: 1 } } })).toBe(version(service));
  });
});

describe("definitionVersion", () => {
  test("does not depend on the order of keys, but on every value", () => {
    const definition = parseDefinition(compile().definition);
    const reversed = Object.fromEntries(Object.entries(definition).reverse());
    expect(definitionVersion(parseDefinition(reversed))).toBe(definitionVersion(definition));
    expect(definitionVersion({ ...definition, killGraceMs: 1 })).not.toBe(definitionVersion(definition));
  });
});

describe("lintDefinition", () => {
  const definition = () => parseDefinition(compile().definition);
  const without = (flag: string) => definition().argv.filter((argument) => argument !== flag);

  test.each([
    ["a command without the wrapper", { argv: ["redis-server"] }, "LOCAL_NO_WRAPPER", "error"],
    ["a run that does not wait", { argv: without("--wait") }, "LOCAL_NO_WAIT", "error"],
    ["a run without a volume", { argv: without("--volume") }, "LOCAL_NO_VOLUME", "warning"],
    ["a run without a status socket", { argv: without("--status-socket") }, "LOCAL_NO_STATUS", "warning"],
    ["a grace below the stop budget", { killGraceMs: 5_000 }, "LOCAL_GRACE_TOO_SHORT", "warning"],
    ["two instances", { instances: 2 }, "LOCAL_INVALID", "error"],
    ["an unknown key", { instance: 1 }, "LOCAL_INVALID", "error"],
  ])("finds %s", (_, change, code, severity) => {
    expect(lintDefinition({ ...definition(), ...change })).toMatchObject([{ code, severity }]);
  });
});

test("fillPlaceholders leaves what it does not know alone", () => {
  const values = { agent: "agent-1", agentDir: "/d/agent-1", sandbox: "/d/agent-1/t1", bind: "127.0.0.1" };
  expect(fillPlaceholders("{{sandbox}}/a {{agent}} {{title}}", values)).toBe("/d/agent-1/t1/a agent-1 {{title}}");
});

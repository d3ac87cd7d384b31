import type { Placement, Service } from "@holdfast/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lintDefinition } from "../lint/lint.js";
import { splitWords } from "../lint/wrapper-command.js";
import { makeOptions, makeService, STRATEGIES } from "../service.fixture.js";
import { compileApp } from "./compile.js";
import { killGraceSeconds } from "./grace.js";

const any: Placement = { kind: "any" };
const onA: Placement = { kind: "agents", agents: ["a.example"], why: "the data is there" };
const placementOf = (strategy: keyof typeof STRATEGIES) => (strategy === "local-pin" ? onA : any);
const compile = (strategy: keyof typeof STRATEGIES = "shared-fs", spec: Partial<Service["spec"]> = {}) =>
  compileApp(makeService(spec), placementOf(strategy), makeOptions(STRATEGIES[strategy]));
const withEngine = (env: Record<string, string>, argv: readonly [string, ...string[]] = ["redis-server"]) =>
  compileApp(makeService({ engine: { type: "redis", version: "7.0", options: {}, secrets: {} } }), any, {
    ...makeOptions(),
    command: () => ({ argv, env, stopSignal: "SIGINT", user: "redis" }),
  });
const strategies = Object.keys(STRATEGIES) as (keyof typeof STRATEGIES)[];

/** Every value that is neither an object nor a list with something in it, by pointer. */
function leaves(value: unknown, pointer = ""): string[] {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return [pointer];
  return Object.entries(value).flatMap(([key, item]) =>
    leaves(item, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`),
  );
}

describe("compileApp", () => {
  test.each(strategies)("%s: every field has its reason, and no reason is without a field", (strategy) => {
    const { definition, reasons } = compile(strategy);
    const pointers = leaves(definition);
    for (const field of Object.keys(definition)) expect(reasons, field).toHaveProperty([`/${field}`]);
    for (const pointer of Object.keys(reasons)) {
      const there = pointers.some((leaf) => leaf === pointer || leaf.startsWith(`${pointer}/`));
      expect(there, pointer).toBe(true);
      expect(reasons[pointer], pointer).not.toBe("");
    }
  });

  test.each(strategies)("%s: passes the linter", (strategy) => {
    expect(lintDefinition(compile(strategy).definition)).toEqual([]);
  });

  test("a warm standby passes the linter", () => {
    expect(lintDefinition(compile("nbd", { standby: "warm" }).definition)).toEqual([]);
  });

  test("every argument says why it is there", () => {
    const { definition, reasons } = compile();
    for (const index of (definition.args as string[]).keys()) expect(reasons).toHaveProperty([`/args/${index}`]);
  });

  test("the run waits, reads the service file and knows the grace period", () => {
    const { args, taskKillGracePeriodSeconds } = compile().definition as {
      args: string[];
      taskKillGracePeriodSeconds: number;
    };
    expect(args.slice(0, 4)).toEqual(["./holdfast", "run", "-f", "./service.yaml"]);
    expect(args).toContain("--wait");
    expect(args[args.indexOf("--kill-grace-ms") + 1]).toBe(String(taskKillGracePeriodSeconds * 1_000));
    expect(args).not.toContain("--");
  });

  test("an engine's command follows after --", () => {
    const { args } = withEngine({}).definition as { args: string[] };
    expect(args.slice(args.indexOf("--user"))).toEqual([
      "--user",
      "redis",
      "--stop-signal",
      "SIGINT",
      "--",
      "redis-server",
    ]);
  });

  test("with a container it is a shell line that a shell reads back as the same words", () => {
    const plain = withEngine({}, ["redis-server", "it's", "a b", "$HOME", ""]).definition as { args: string[] };
    const options = { ...makeOptions(), image: "redis:7.0.1" };
    const service = makeService({ engine: { type: "redis", version: "7.0", options: {}, secrets: {} } });
    const { cmd } = compileApp(service, any, {
      ...options,
      command: () => ({
        argv: ["redis-server", "it's", "a b", "$HOME", ""],
        env: {},
        stopSignal: "SIGINT",
        user: "redis",
      }),
    }).definition as { cmd: string };
    expect(cmd.startsWith("exec /mnt/mesos/sandbox/holdfast run ")).toBe(true);
    expect(splitWords(cmd).slice(-6)).toEqual(plain.args.slice(-6));
  });

  test("mem is what the service asks for and the wrapper", () => {
    expect(compile().definition.mem).toBe(256 + 256);
  });

  test("the kill grace covers stop, kill, unmount, cut and release", () => {
    // 10 000 + 250 + 10 000 + 4 000 + 2 000 + 6 000 + 1 000
    expect(killGraceSeconds(makeService(), [STRATEGIES["shared-fs"]]).seconds).toBe(34);
    expect(compile().definition.taskKillGracePeriodSeconds).toBe(34);
    const { exclusivity } = makeService().spec;
    const slow = makeService({
      exclusivity: { ...exclusivity, leaseMs: 120_000, stopBudgetMs: 60_000, marginMs: 19_000 },
    });
    // At least stop budget + cut + unmount + 5 s
    expect(killGraceSeconds(slow, [STRATEGIES.nbd]).seconds).toBeGreaterThanOrEqual(60 + 3 + 60 + 5);
  });

  test("the one check asks the run, and its grace covers attach and recovery", () => {
    const checks = compile().definition.healthChecks as { protocol: string; command: { value: string } }[];
    expect(checks).toHaveLength(1);
    expect(checks[0]).toMatchObject({
      protocol: "COMMAND",
      command: { value: '"$MESOS_SANDBOX"/holdfast health --service orders-db' },
      gracePeriodSeconds: 300 + 1_800,
    });
  });

  test("in an image, run and check meet at a socket that both are told", () => {
    const { cmd, healthChecks } = compileApp(makeService(), any, { ...makeOptions(), image: "redis:7.0.1" })
      .definition as {
      cmd: string;
      healthChecks: { command: { value: string } }[];
    };
    const socket = "/mnt/mesos/sandbox/holdfast.sock";
    expect(cmd).toContain(`--status-socket ${socket}`);
    expect(healthChecks[0]?.command.value).toBe(
      `/mnt/mesos/sandbox/holdfast health --service orders-db --socket ${socket}`,
    );
  });

  test("what is fetched is cached, and its address changes with its content", () => {
    const uris = (spec: Partial<Service["spec"]> = {}) =>
      (compile("shared-fs", spec).definition.fetch as { uri: string; cache: boolean }[]).map(({ uri, cache }) => {
        expect(cache).toBe(true);
        return uri;
      });
    const storage = [{ role: "data", strategy: "shared-fs", mountPath: "/srv/other", options: {} }];
    expect(uris()[1]).not.toBe(uris({ storage })[1]);
    expect(uris()[1]).toBe(uris({ alerts: { backupAgeHours: 1 } })[1]);
  });

  test.each([
    ["a service file without a digest", { serviceFile: { uri: "https://files.example/a.yaml" } }, "BAD_CONFIGURATION"],
    ["credentials in the store's address", { store: "zookeeper://me:x@zk1/holdfast" }, "BAD_CONFIGURATION"],
  ])("refuses %s", (_, change, code) => {
    const run = () => compileApp(makeService(), any, { ...makeOptions(), ...change });
    expect(run).toThrow(expect.objectContaining({ code }));
  });

  test("refuses a secret in the environment or on the command line, and does not repeat it", () => {
    for (const run of [
      () => withEngine({ MYSQL_ROOT_PASSWORD: "hunter2" }),
      () => withEngine({}, ["redis-server", "--requirepass", "hunter2"]),
    ]) {
      expect(run).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
      expect(run).not.toThrow(/hunter2/);
    }
    expect(withEngine({ MYSQL_ROOT_PASSWORD_FILE: "/run/secrets/root" }).definition.env).toHaveProperty(
      "MYSQL_ROOT_PASSWORD_FILE",
    );
  });

  test("refuses a persistent volume that Marathon would refuse", () => {
    const volume = STRATEGIES["mesos-volume"];
    for (const change of [{ name: "a/b" }, { sizeMiB: 0 }, { sizeMiBMax: 20_480 }]) {
      const scheduler = { ...volume.scheduler, ...change };
      const run = () => compileApp(makeService(), any, makeOptions({ ...volume, scheduler }));
      expect(run).toThrow(
        expect.objectContaining({
          code: "INVALID_SPEC",
          detail: expect.objectContaining({ code: "MARATHON_VOLUME_REFUSED" }),
        }),
      );
    }
  });

  test("refuses names and labels that are not the service's to choose", () => {
    const restart = () => compileApp(makeService({}, "restart"), any, makeOptions());
    expect(restart).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
    const service = makeService();
    const labelled = { ...service, metadata: { ...service.metadata, labels: { HOLDFAST_SERVICE: "other" } } };
    expect(() => compileApp(labelled, any, makeOptions())).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
  });

  test("refuses an engine whose command is not known", () => {
    const engine = { type: "redis", version: "7.0", options: {}, secrets: {} };
    expect(() => compile("nbd", { engine })).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  });

  test("a secret that is expected in a variable is told, because nothing sets it", () => {
    const engine = { type: "redis", version: "7.0", options: {}, secrets: { auth: { env: "REDIS_AUTH" } } };
    const { warnings } = compileApp(makeService({ engine }), any, {
      ...makeOptions(),
      command: () => ({ argv: ["redis-server"], env: {}, stopSignal: "SIGTERM", user: null }),
    });
    expect(warnings).toEqual([expect.stringContaining("REDIS_AUTH")]);
  });
});

describe("failover", () => {
  test.each(["shared-fs", "distributed-fs", "nbd"] as const)("%s lets Marathon replace at once", (strategy) => {
    const { definition, failover } = compile(strategy);
    expect(failover.kind).toBe("replace");
    expect(definition).toMatchObject({
      instances: 1,
      unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 3600 },
      killSelection: "YOUNGEST_FIRST",
      upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
      labels: { MARATHON_SINGLE_INSTANCE_APP: "true" },
      constraints: [],
    });
  });

  test("local-pin stays on its agent and is never replaced", () => {
    const { definition, failover } = compile("local-pin");
    expect(failover.kind).toBe("pinned");
    expect(definition).toMatchObject({
      unreachableStrategy: "disabled",
      constraints: [["hostname", "IS", "a.example"]],
    });
  });

  test("storage that every agent reaches, but only one agent may use, is pinned as well", () => {
    const { definition, failover } = compileApp(makeService(), onA, makeOptions());
    expect(failover.kind).toBe("pinned");
    expect(definition).toMatchObject({
      unreachableStrategy: "disabled",
      constraints: [["hostname", "IS", "a.example"]],
    });
    const warm = () => compileApp(makeService({ standby: "warm" }), onA, makeOptions());
    expect(warm).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
  });

  test("a persistent volume stays where Mesos made it and is never replaced", () => {
    const { definition, failover, warnings } = compile("mesos-volume");
    expect(failover.kind).toBe("resident");
    expect(definition).toMatchObject({
      unreachableStrategy: "disabled",
      constraints: [],
      container: {
        type: "MESOS",
        volumes: [
          { containerPath: "orders-db", mode: "RW", persistent: { type: "root", size: 10_240 } },
          { containerPath: "/srv/orders-db", hostPath: "orders-db", mode: "RW" },
        ],
      },
    });
    expect(definition).not.toHaveProperty("residency");
    expect(definition).not.toHaveProperty("args");
    expect(warnings).toEqual([expect.stringContaining("/srv/orders-db must exist")]);
  });

  test("where a persistent volume is by now changes no byte; where it may be made is a constraint", () => {
    const volume = STRATEGIES["mesos-volume"];
    const bytes = (placement: Placement) => compileApp(makeService(), placement, makeOptions(volume)).bytes;
    expect(bytes(onA)).toBe(bytes(any));
    const scheduler = { ...volume.scheduler, agents: ["b.example", "a.example"] };
    const { definition } = compileApp(makeService(), onA, makeOptions({ ...volume, scheduler }));
    expect(definition.constraints).toEqual([["hostname", "LIKE", "a\\.example|b\\.example"]]);
  });

  test("a persistent volume that the strategy binds itself is not shown at the mount path", () => {
    const volume = STRATEGIES["mesos-volume"];
    const bound = {
      ...volume,
      capabilities: { ...volume.capabilities, mounts: true },
      scheduler: { ...volume.scheduler, atMountPath: false },
    };
    const { definition } = compileApp(makeService(), any, makeOptions(bound));
    expect(definition).toMatchObject({
      user: "root",
      container: { volumes: [{ containerPath: "orders-db", persistent: { type: "root", size: 10_240 } }] },
    });
    expect((definition as { container: { volumes: unknown[] } }).container.volumes).toHaveLength(1);
  });

  test("a warm standby is a second task on another agent, and costs twice", () => {
    const { definition, warnings } = compile("nbd", { standby: "warm" });
    expect(definition).toMatchObject({
      instances: 2,
      constraints: [["hostname", "UNIQUE"]],
      upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
      killSelection: "YOUNGEST_FIRST",
    });
    expect(definition.labels).not.toHaveProperty("MARATHON_SINGLE_INSTANCE_APP");
    expect(warnings).toEqual(["The warm standby reserves twice: 2 cpus and 1024 MiB in all."]);
  });

  test.each(["local-pin", "mesos-volume"] as const)("%s: a warm standby is refused", (strategy) => {
    expect(() => compile(strategy, { standby: "warm" })).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
  });

  test.each<[string, Placement]>([
    ["a placement that waits", { kind: "wait", why: "no agent offers enough" }],
    ["a pinned volume that may be anywhere", any],
    ["a pinned volume on one of several agents", { kind: "agents", agents: ["a", "b"], why: "?" }],
  ])("refuses %s: what runs is left alone", (_, placement) => {
    const run = () => compileApp(makeService(), placement, makeOptions(STRATEGIES["local-pin"]));
    expect(run).toThrow(expect.objectContaining({ code: "NO_CAPACITY", retryable: true }));
  });

  test("several agents are matched as a whole, with their dots", () => {
    const placement: Placement = { kind: "agents", agents: ["b.example", "a.example"], why: "where it is mounted" };
    const { constraints } = compileApp(makeService(), placement, makeOptions()).definition;
    expect(constraints).toEqual([["hostname", "LIKE", "a\\.example|b\\.example"]]);
  });

  test("an attribute is compared as it is", () => {
    const placement: Placement = { kind: "attribute", name: "rack", value: "r1", why: "the server is there" };
    expect(compileApp(makeService(), placement, makeOptions()).definition.constraints).toEqual([["rack", "IS", "r1"]]);
    const odd: Placement = { ...placement, value: "r 1" };
    expect(() => compileApp(makeService(), odd, makeOptions())).toThrow(
      expect.objectContaining({ code: "INVALID_SPEC" }),
    );
  });
});

/** The same value with the keys of every object in another order. */
function shuffled<T>(value: T, turn: number): T {
  if (Array.isArray(value)) return value.map((item: unknown) => shuffled(item, turn)) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const by = entries.length === 0 ? 0 : turn % entries.length;
  return Object.fromEntries(
    [...entries.slice(by), ...entries.slice(0, by)].reverse().map(([key, item]) => [key, shuffled(item, turn)]),
  ) as T;
}

describe("bytes", () => {
  const text = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/);
  const services = fc
    .record({
      name: fc
        .stringMatching(/^[a-z]{3}[a-z0-9]{0,8}$/)
        .filter((name) => !["restart", "tasks", "versions"].includes(name)),
      labels: fc.dictionary(text, text),
      command: fc.tuple(text, text),
      options: fc.dictionary(text, fc.jsonValue()),
      cpus: fc.integer({ min: 1, max: 64 }),
      memMiB: fc.integer({ min: 1, max: 65_536 }),
      port: fc.integer({ min: 1, max: 65_535 }),
      strategy: fc.constantFrom(...strategies),
    })
    .map(({ name, labels, command, options, cpus, memMiB, port, strategy }) => {
      const storage = [
        {
          role: "data",
          strategy,
          mountPath: "/srv/orders-db",
          options: { value: JSON.parse(JSON.stringify(options)) },
        },
      ];
      const engine = { type: "process" as const, command: [...command] as [string, ...string[]], options: {} };
      const service = makeService({ engine, storage, resources: { cpus, memMiB }, discovery: { port } }, name);
      const safe = Object.fromEntries(
        Object.entries(labels).filter(([key]) => !/pass|secret|token|auth|pwd|key|cred/.test(key)),
      );
      return { service: { ...service, metadata: { ...service.metadata, labels: safe } }, strategy };
    });

  test("equal services give equal bytes, in whatever order their keys were written", () => {
    fc.assert(
      fc.property(services, fc.nat(), ({ service, strategy }, turn) => {
        const options = makeOptions(STRATEGIES[strategy]);
        const { bytes, definition } = compileApp(service, placementOf(strategy), options);
        expect(compileApp(shuffled(structuredClone(service), turn), placementOf(strategy), options).bytes).toBe(bytes);
        expect(JSON.parse(bytes)).toEqual(definition);
      }),
    );
  });

  test("whatever the service, the linter has nothing to say", () => {
    fc.assert(
      fc.property(services, ({ service, strategy }) => {
        const { definition } = compileApp(service, placementOf(strategy), makeOptions(STRATEGIES[strategy]));
        expect(lintDefinition(definition)).toEqual([]);
      }),
    );
  });

  test("another value that a run takes from the file is other bytes", () => {
    fc.assert(
      fc.property(services, fc.integer({ min: 1, max: 1_000 }), ({ service, strategy }, more) => {
        const options = makeOptions(STRATEGIES[strategy]);
        const { exclusivity } = service.spec;
        const changed = { ...exclusivity, guardMs: exclusivity.guardMs + more };
        const other = { ...service, spec: { ...service.spec, exclusivity: changed } };
        const bytes = (of: Service) => compileApp(of, placementOf(strategy), options).bytes;
        expect(bytes(other)).not.toBe(bytes(service));
      }),
    );
  });
});

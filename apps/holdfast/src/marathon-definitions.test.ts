import { execFileSync } from "node:child_process";
import type { ObservedVolume, Placement } from "@holdfast/core";
import { assemblePlugins } from "@holdfast/core";
import { type CompileOptions, compileApp, lintDefinition, placedVolume } from "@holdfast/orchestrator-marathon";
import { findContracts } from "@holdfast/testkit";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { BUILT_IN } from "./plugins/built-in.js";
import { parseRunArguments } from "./run/parse.js";
import { parseServiceFile } from "./service-file/read.js";
import { resolveVolumes } from "./service-file/volumes.js";

/** The storage entry of a service file for each strategy that Holdfast brings. */
const STORAGE = {
  "local-pin": "options: { path: /disk1/orders-db }",
  "shared-fs": 'options: { type: nfs4, source: "filer:/exports/orders-db", server: { kind: none } }',
  "distributed-fs": `options:
        type: glusterfs
        servers: [gluster-1, gluster-2]
        volume: orders
        control: [{ kind: command, command: [gluster] }]
        agents: { agent-1: 10.0.0.11, agent-2: 10.0.0.12 }`,
  nbd: `options:
        volume: orders-db
        server: { kind: nbdkit, address: 10.0.0.9, port: 10809 }
        control: { kind: command, command: [holdfast-nbd-server, --config, /etc/holdfast/nbd.json] }
        fsType: ext4`,
} as const;

const text = (strategy: string, options: string) => `apiVersion: holdfast/v1
kind: Service
metadata: { name: orders-db }
spec:
  engine: { type: redis, version: "7.0" }
  storage:
    - strategy: ${strategy}
      mountPath: /srv/orders-db
      ${options}
  resources: { cpus: 1, memMiB: 256 }
  discovery: { port: 6379 }
`;

const AGENTS = ["agent-1", "agent-2"].map((id, index) => ({ id, reachable: true, spareMiB: 1_000 * (index + 1) }));
const NOTHING_YET: ObservedVolume = { exists: true, attachments: [], fenced: [], recorded: null, detail: {} };
const COMMAND = ["redis-server", "it's", "$HOME a", ""] as const;

function compileFile(strategy: keyof typeof STORAGE, change: Partial<CompileOptions> = {}) {
  const file = parseServiceFile(text(strategy, STORAGE[strategy]), "orders.yaml");
  const resolved = resolveVolumes(file, assemblePlugins([BUILT_IN]));
  const [first] = resolved;
  if (first === undefined) throw new Error("no volume");
  const placement: Placement = first.strategy.placement(first.volume, NOTHING_YET, AGENTS);
  return compileApp(file.service, placement, {
    executable: { uri: "https://files.example/holdfast-0.1.0" },
    serviceFile: { uri: "https://files.example/{{service}}/{{digest}}.yaml" },
    store: "zookeeper://zk1:2181/holdfast",
    storeAccess: { authFile: "/etc/holdfast/store-auth" },
    pluginDirs: ["/opt/holdfast/plugins"],
    volumes: () => resolved.map(({ strategy: of, volume }) => placedVolume(of, volume)),
    command: () => ({ argv: COMMAND, env: {}, stopSignal: "SIGINT", user: "redis" }),
    ...change,
  });
}

const strategies = Object.keys(STORAGE) as (keyof typeof STORAGE)[];

describe("a service file on Marathon", () => {
  for (const strategy of strategies) {
    test(`${strategy} compiles, and the linter has nothing to say`, () => {
      const { definition, failover } = compileFile(strategy);
      expect(lintDefinition(definition)).toEqual([]);
      expect(failover.kind).toBe(strategy === "local-pin" ? "pinned" : "replace");
    });

    test(`${strategy} compiles to what the published schema accepts`, ({ skip }) => {
      const contracts = findContracts();
      if (!contracts.found) return skip(contracts.reason);
      const schema = contracts.json("marathon/schema/AppDefinition.json") as { $schema?: string };
      delete schema.$schema;
      const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
      const valid = validate(compileFile(strategy).definition);
      expect(validate.errors ?? []).toEqual([]);
      expect(valid).toBe(true);
    });
  }

  test("the arguments are what `holdfast run` reads", () => {
    const { args, taskKillGracePeriodSeconds } = compileFile("nbd").definition as {
      args: string[];
      taskKillGracePeriodSeconds: number;
    };
    expect(args.slice(0, 2)).toEqual(["./holdfast", "run"]);
    const read = parseRunArguments(args.slice(2));
    expect(read.command).toEqual(COMMAND);
    expect(read.text("file")).toBe("./service.yaml");
    expect(read.duration("wait")).toBeNull();
    expect(read.ms("kill-grace-ms")).toBe(taskKillGracePeriodSeconds * 1_000);
  });

  test("the shell line is the same words to a real shell", () => {
    const { cmd } = compileFile("nbd", { image: "redis:7.0.1" }).definition as { cmd: string };
    // The program is replaced by one that prints each of its arguments, ended by a NUL.
    const printed = execFileSync("sh", ["-c", cmd.replace(/^exec \S+ run /, "printf '%s\\0' ")], { encoding: "utf8" });
    const read = parseRunArguments(printed.split("\0").slice(0, -1));
    expect(read.command).toEqual(COMMAND);
    expect(read.text("file")).toBe("/mnt/mesos/sandbox/service.yaml");
    expect(read.text("status-socket")).toBe("/mnt/mesos/sandbox/holdfast.sock");
  });
});

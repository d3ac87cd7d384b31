import type { Engine, EngineReplication, Readiness } from "@holdfast/core";
import * as z from "zod";

export interface FakeEngine extends Engine {
  readonly calls: readonly string[];
  /** What `readiness` answers. */
  readinessNow: Readiness;
  roleNow: "primary" | "replica" | "unknown";
}

export interface FakeEngineOptions {
  readonly type?: string;
  /** Default: a process that does nothing until it is stopped. */
  readonly argv?: readonly [string, ...string[]];
  readonly replication?: boolean;
}

/** An application that is whatever a test says it is. */
export function createFakeEngine(options: FakeEngineOptions = {}): FakeEngine {
  const calls: string[] = [];
  const replication: EngineReplication = {
    role: async () => engine.roleNow,
    position: async () => "position-1",
    lagMs: async () => (engine.roleNow === "replica" ? 0 : null),
    async promote() {
      calls.push("promote");
      engine.roleNow = "primary";
    },
    async demote() {
      calls.push("demote");
      engine.roleNow = "replica";
    },
    async follow(_op, _context, primary) {
      calls.push(`follow ${primary.host}:${primary.port}`);
      engine.roleNow = "replica";
    },
  };
  const engine: FakeEngine = {
    apiVersion: 1,
    type: options.type ?? "fake",
    optionsSchema: z.looseObject({}),
    calls,
    readinessNow: { kind: "ready" },
    roleNow: "unknown",
    durability: () => ({ losesNothing: true, explanation: "a fake engine keeps nothing" }),
    async initialize() {
      calls.push("initialize");
    },
    command: () => ({
      argv: options.argv ?? ["sleep", "infinity"],
      env: {},
      stopSignal: "SIGTERM",
      user: null,
    }),
    async readiness() {
      calls.push("readiness");
      return engine.readinessNow;
    },
    recoveryMsMax: () => 1_000,
    backupLevels: [],
    ...(options.replication === true ? { replication } : {}),
  };
  return engine;
}

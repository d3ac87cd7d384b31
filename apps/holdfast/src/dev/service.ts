import type { EngineContext, LeaseTiming, Service } from "@holdfast/core";
import type { DemoEngine } from "./engines/types.js";
import type { Layout } from "./layout.js";

/** Of the development cluster's one service. */
export const SERVICE_NAME = "demo-db";

/** What runs: a known engine, or any command. */
export type Workload =
  | { readonly kind: "engine"; readonly engine: DemoEngine; readonly user: string | null }
  | { readonly kind: "command"; readonly command: readonly [string, ...string[]] };

/** The service file that a person would have written. */
export function devService(workload: Workload, timing: LeaseTiming, layout: Layout): Service {
  return {
    apiVersion: "holdfast/v1",
    kind: "Service",
    metadata: { name: SERVICE_NAME, labels: {} },
    spec: {
      engine:
        workload.kind === "command"
          ? { type: "process", command: [...workload.command], options: {} }
          : { type: workload.engine.type, version: "installed", options: {}, secrets: {} },
      storage: [{ role: "data", strategy: "shared-fs", mountPath: layout.volume, options: {} }],
      exclusivity: {
        ...timing,
        minimumGrade: "lease-only",
        onStoreLoss: "stop",
        attachTimeoutMs: 300_000,
        controllerSide: "inline",
      },
      resources: { cpus: 1, memMiB: 512 },
      standby: "none",
      backup: [],
      restore: { onEmptyVolume: "never" },
      alerts: {},
      plugins: [],
    },
  };
}

/** The engine's view, the same on every agent: what differs is a placeholder that the agent fills in. */
export function engineContext(engine: DemoEngine, user: string | null): EngineContext {
  return {
    service: SERVICE_NAME,
    dataDir: "{{dataDir}}", // the wrapper gives it as HOLDFAST_DATA_DIR
    sandboxDir: "{{agentDir}}/run",
    port: engine.port,
    bind: "{{bind}}",
    secrets: {},
    options: { user },
  };
}

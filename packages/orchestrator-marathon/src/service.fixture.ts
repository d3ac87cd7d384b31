import { DEFAULT_LEASE_TIMING, type Service, type StorageCapabilities } from "@holdfast/core";
import type { CompileOptions } from "./compile/options.js";
import type { PlacedVolume } from "./compile/volumes.js";

export function makeService(spec: Partial<Service["spec"]> = {}, name = "orders-db"): Service {
  return {
    apiVersion: "holdfast/v1",
    kind: "Service",
    metadata: { name, labels: {} },
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
      discovery: { port: 6379 },
      alerts: {},
      plugins: [],
      ...spec,
    },
  };
}

/** The strategies, as the capabilities that they declare; the numbers are theirs. */
export const STRATEGIES = {
  "local-pin": volumeOf("local-pin", { movesBetweenAgents: false, mounts: true, cutMsMax: 2_000 }),
  "shared-fs": volumeOf("shared-fs", { movesBetweenAgents: true, mounts: true, cutMsMax: 4_000 }),
  "distributed-fs": volumeOf("distributed-fs", { movesBetweenAgents: true, mounts: true, cutMsMax: 4_000 }),
  nbd: volumeOf("nbd", { movesBetweenAgents: true, mounts: true, cutMsMax: 3_000 }),
  "mesos-volume": {
    ...volumeOf("mesos-volume", { movesBetweenAgents: false, mounts: false, cutMsMax: 0 }),
    scheduler: {
      ...{ name: "orders-db", sizeMiB: 10_240, disk: "root", sizeMiBMax: null, diskPath: null },
      ...{ atMountPath: true, agents: null },
    },
  },
} as const satisfies Record<string, PlacedVolume>;

function volumeOf(
  strategy: string,
  capabilities: Pick<StorageCapabilities, "movesBetweenAgents" | "mounts" | "cutMsMax">,
): PlacedVolume {
  return { role: "data", strategy, mountPath: "/srv/orders-db", capabilities, scheduler: null };
}

export function makeOptions(volume: PlacedVolume = STRATEGIES["shared-fs"]): CompileOptions {
  return {
    executable: { uri: "https://files.example/holdfast-0.1.0" },
    serviceFile: { uri: "https://files.example/{{service}}/{{digest}}.yaml" },
    store: "zookeeper://zk1:2181,zk2:2181/holdfast",
    volumes: () => [volume],
  };
}

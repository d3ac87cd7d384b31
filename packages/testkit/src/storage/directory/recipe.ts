import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { mountOf, parseMountinfo } from "@holdfast/core";
import { createAgentNetwork, namespacesUnavailable } from "../../agents/network.js";
import { namespaceAgent } from "../namespace-agent.js";
import type { StorageRecipe } from "../world.js";

export interface SharedDirectoryOptions {
  /** What the strategy calls its backend. */
  readonly backend: string;
  /** Further options of every volume. */
  readonly volumeOptions?: Readonly<Record<string, unknown>>;
  /** Where the volumes are made; default: the system's directory for temporary files. */
  readonly parent?: string;
}

/**
 * A directory of this machine that every agent has at the same path, as if an operator had mounted a file server there:
 * enough for a strategy's first levels. There is no server, so nothing can hang, die or be cut off.
 */
export function sharedDirectoryRecipe(options: SharedDirectoryOptions): StorageRecipe {
  const { backend } = options;
  return {
    backend,
    unavailable: namespacesUnavailable,
    async start() {
      const network = await createAgentNetwork();
      const base = mkdtempSync(join(options.parent ?? tmpdir(), "holdfast-directory-"));
      const mount = mountOf(parseMountinfo(await readFile("/proc/self/mountinfo", "utf8")), base);
      return {
        backend,
        server: `${mount?.fsType ?? "unknown"} on Linux ${release()}`,
        agents: [
          namespaceAgent("agent-1", await network.addAgent()),
          namespaceAgent("agent-2", await network.addAgent()),
        ],
        hostAddress: network.address,
        async createVolume(service) {
          const mountPath = join(base, service);
          mkdirSync(mountPath);
          return { service, role: "data", mountPath, diskMiB: null, options: { ...options.volumeOptions } };
        },
        servers: {
          addresses: [],
          hang: async () => undefined,
          resume: async () => undefined,
          kill: async () => undefined,
          start: async () => undefined,
        },
        async close() {
          await network.remove();
          rmSync(base, { recursive: true });
        },
      };
    },
  };
}

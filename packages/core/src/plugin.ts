import * as z from "zod";
import type { Engine } from "./engine.js";
import { HoldfastError } from "./errors.js";
import type { Orchestrator } from "./orchestrator.js";
import type { StorageStrategy } from "./storage/strategy.js";

/** Version of the plugin interfaces of this core. */
export const PLUGIN_API_VERSION = 1;

/** What a plugin package exports as `holdfastPlugin`. */
export interface Plugin {
  readonly apiVersion: number;
  readonly strategies?: readonly StorageStrategy[];
  readonly engines?: readonly Engine[];
  readonly orchestrators?: readonly Orchestrator[];
}

export const pluginReferenceSchema = z.strictObject({
  package: z.string().min(1).describe("Name of the npm package."),
  version: z.string().min(1).describe("Exact version; ranges would let a restart change the code."),
});
export type PluginReference = z.output<typeof pluginReferenceSchema>;

export interface PluginRegistry {
  readonly strategies: ReadonlyMap<string, StorageStrategy>;
  readonly engines: ReadonlyMap<string, Engine>;
  readonly orchestrators: ReadonlyMap<string, Orchestrator>;
}

/**
 * Pure: puts plugins together.
 * @throws `INCOMPATIBLE` for another API version, `INVALID_SPEC` when two plugins claim one name.
 */
export function assemblePlugins(plugins: readonly (Plugin & { readonly from: string })[]): PluginRegistry {
  const registry = {
    strategies: new Map<string, StorageStrategy>(),
    engines: new Map<string, Engine>(),
    orchestrators: new Map<string, Orchestrator>(),
  };
  const owner = new Map<string, string>();
  for (const plugin of plugins) {
    if (plugin.apiVersion !== PLUGIN_API_VERSION) {
      throw new HoldfastError(
        "INCOMPATIBLE",
        `Plugin ${plugin.from} speaks API version ${plugin.apiVersion}; this is ${PLUGIN_API_VERSION}.`,
        {
          hint: "Install the version of the plugin that matches this Holdfast.",
        },
      );
    }
    const add = <T extends { readonly type: string }>(
      kind: string,
      map: Map<string, T>,
      items: readonly T[] | undefined,
    ) => {
      for (const item of items ?? []) {
        const key = `${kind} ${item.type}`;
        const first = owner.get(key);
        if (first !== undefined) {
          throw new HoldfastError("INVALID_SPEC", `Both ${first} and ${plugin.from} provide the ${key}.`, {
            hint: "Remove one of the two plugins.",
          });
        }
        owner.set(key, plugin.from);
        map.set(item.type, item);
      }
    };
    add("strategy", registry.strategies, plugin.strategies);
    add("engine", registry.engines, plugin.engines);
    add("orchestrator", registry.orchestrators, plugin.orchestrators);
  }
  return registry;
}

import type { StrategyVolume } from "@holdfast/coordination";
import { HoldfastError, type PluginRegistry, type Service, type Volume } from "@holdfast/core";
import { type FileProblem, problemsOf } from "./issues.js";
import type { ServiceFile } from "./read.js";

/** Pure: the volumes of a service as strategies know them; options as written, since each strategy parses its own. */
function volumesOf(service: Service): readonly Volume[] {
  return service.spec.storage.map(({ role, mountPath, diskMiB, options }) => ({
    service: service.metadata.name,
    role,
    mountPath,
    diskMiB: diskMiB ?? null,
    options,
  }));
}

/**
 * The same for a service that came from no file. @throws `INVALID_SPEC` naming the key.
 */
export function resolveServiceVolumes(service: Service, registry: PluginRegistry): readonly StrategyVolume[] {
  const problem = (problems: readonly FileProblem[], cause?: unknown) =>
    new HoldfastError(
      "INVALID_SPEC",
      problems.map(({ keys, message }) => `${keys.map(String).join(".")}: ${message}.`).join(" "),
      { hint: [...new Set(problems.map(({ fix }) => fix))].join(" "), cause },
    );
  return resolveVolumes({ path: "", service, problem }, registry);
}

/**
 * Finds each entry's strategy and has it check its options.
 * @throws `INVALID_SPEC` with file and line, for a strategy that no plugin provides and for options that it refuses.
 */
export function resolveVolumes(file: ServiceFile, registry: PluginRegistry): readonly StrategyVolume[] {
  const volumes = volumesOf(file.service);
  return file.service.spec.storage.map((entry, index) => {
    const strategy = registry.strategies.get(entry.strategy);
    const volume = volumes[index];
    if (strategy === undefined || volume === undefined) {
      const known = [...registry.strategies.keys()].sort().join(", ");
      throw file.problem([
        {
          keys: ["spec", "storage", index, "strategy"],
          atKey: false,
          message: `no plugin provides the strategy "${entry.strategy}"`,
          fix: `Use one of ${known === "" ? "(none is installed)" : known}, or give --plugin-dir and list its package in spec.plugins.`,
        },
      ]);
    }
    const parsed = strategy.optionsSchema.safeParse(entry.options);
    if (!parsed.success) {
      throw file.problem(problemsOf(parsed.error.issues, ["spec", "storage", index, "options"]), parsed.error);
    }
    return { strategy, volume };
  });
}

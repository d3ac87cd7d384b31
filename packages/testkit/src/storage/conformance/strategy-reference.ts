import { createRequire } from "node:module";
import { isAbsolute, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { HoldfastError, type Plugin, type StorageStrategy } from "@holdfast/core";

/**
 * Where a strategy is loaded from. Not the object itself: its node half runs in other processes, on other machines.
 */
export interface StrategyReference {
  /** Name of a package, absolute path, or file URL of built JavaScript. */
  readonly module: string;
  /** File or URL that a package's name is looked up from; default: the current directory. */
  readonly from?: string;
  /** Name of an export: a strategy, a function that returns one, or a plugin. */
  readonly export: string;
  /** For a function. Plain data. */
  readonly arguments?: readonly unknown[];
  /** Which strategy of a plugin, where it has several. */
  readonly type?: string;
}

/** The same reference by file URL, which means the same in every process of this machine. */
export function resolveStrategy(reference: StrategyReference): StrategyReference {
  const { module } = reference;
  if (module.startsWith("file:")) return reference;
  if (isAbsolute(module)) return { ...reference, module: pathToFileURL(module).href };
  const from = reference.from ?? join(process.cwd(), "package.json");
  const path = createRequire(from.startsWith("file:") ? fileURLToPath(from) : from).resolve(module);
  return { ...reference, module: pathToFileURL(path).href };
}

/** @throws `INVALID_SPEC` when there is no strategy under that name. */
export async function loadStrategy(reference: StrategyReference): Promise<StorageStrategy> {
  const resolved = resolveStrategy(reference);
  const exported: unknown = ((await import(resolved.module)) as Record<string, unknown>)[resolved.export];
  const value: unknown = typeof exported === "function" ? exported(...(resolved.arguments ?? [])) : exported;
  const strategy = isPlugin(value) ? pick(value, reference.type) : value;
  if (isStrategy(strategy)) return strategy;
  throw new HoldfastError("INVALID_SPEC", `${reference.module} exports no storage strategy as ${reference.export}.`, {
    hint: "Name the export of a strategy, of a function that returns one, or of a plugin with exactly one.",
    detail: { export: reference.export },
  });
}

function pick(plugin: Plugin, type: string | undefined): StorageStrategy | undefined {
  const strategies = plugin.strategies ?? [];
  if (type !== undefined) return strategies.find((strategy) => strategy.type === type);
  return strategies.length === 1 ? strategies[0] : undefined;
}

function isPlugin(value: unknown): value is Plugin {
  return typeof value === "object" && value !== null && "strategies" in value;
}

function isStrategy(value: unknown): value is StorageStrategy {
  return typeof value === "object" && value !== null && "optionsSchema" in value && "type" in value;
}

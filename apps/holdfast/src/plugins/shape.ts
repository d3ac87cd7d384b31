import { HoldfastError, PLUGIN_API_VERSION, type Plugin, type StorageStrategy } from "@holdfast/core";

type Method = {
  [Key in keyof StorageStrategy]-?: undefined extends StorageStrategy[Key]
    ? never
    : StorageStrategy[Key] extends (...args: never[]) => unknown
      ? Key
      : never;
}[keyof StorageStrategy];

/** A record, so that the compiler notices a method that is missing here. */
const STRATEGY_METHODS: Readonly<Record<Method, true>> = {
  capabilities: true,
  proof: true,
  explain: true,
  placement: true,
  plan: true,
  observe: true,
  attach: true,
  detach: true,
  fence: true,
  unfence: true,
  prepare: true,
  check: true,
  mount: true,
  verify: true,
  cut: true,
  unmount: true,
  release: true,
  metrics: true,
};

/**
 * Pure: what a plugin's module exports, as far as it can be told without calling it. Found here, a missing method is a
 * message at start; found later, it is a crash in the middle of a failover.
 * @throws `INCOMPATIBLE`.
 */
export function pluginOf(module: unknown, from: string): Plugin & { readonly from: string } {
  // Node finds the named exports of a CommonJS file by reading it, and not all ways of writing them; `default` has all.
  const plugin = property(module, "holdfastPlugin") ?? property(property(module, "default"), "holdfastPlugin");
  const apiVersion = property(plugin, "apiVersion");
  if (typeof apiVersion !== "number") {
    throw incompatible(`${from} exports no holdfastPlugin with an apiVersion.`, from);
  }
  const found = { ...(plugin as Plugin), from };
  // Another API version has another shape, and is refused by its number where all plugins are put together.
  if (apiVersion !== PLUGIN_API_VERSION) return found;
  for (const kind of ["strategies", "engines", "orchestrators"] as const) {
    const items: unknown = found[kind];
    if (items === undefined) continue;
    if (!Array.isArray(items)) throw incompatible(`${kind} of ${from} is not an array.`, from);
    for (const item of items as readonly unknown[]) {
      if (typeof property(item, "type") === "string") continue;
      throw incompatible(`One of the ${kind} of ${from} has no type.`, from);
    }
  }
  for (const strategy of found.strategies ?? []) {
    const missing = missingOf(strategy);
    if (missing.length === 0) continue;
    throw incompatible(`Strategy ${strategy.type} of ${from} lacks ${missing.join(", ")}.`, from);
  }
  return found;
}

function missingOf(strategy: StorageStrategy): string[] {
  const methods = Object.keys(STRATEGY_METHODS).filter((name) => typeof property(strategy, name) !== "function");
  const schema = typeof property(property(strategy, "optionsSchema"), "safeParse") === "function";
  return schema ? methods : ["optionsSchema", ...methods];
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function incompatible(message: string, from: string): HoldfastError {
  return new HoldfastError("INCOMPATIBLE", message, {
    hint: `Ask the author of ${from}: a plugin exports holdfastPlugin as @holdfast/core's type Plugin describes it.`,
  });
}

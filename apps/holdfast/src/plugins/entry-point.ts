/** Conditions that hold for `import` in Node, beside `default`. */
const CONDITIONS = new Set(["node", "import", "module-sync", "default"]);

/**
 * Pure: the file that `import "the-package"` loads, by the `exports` of its package.json, as Node's documentation of
 * packages describes it for the subpath ".". Needed because Node resolves a bare name only from the importing file's own
 * place, and a plugin lies elsewhere; `require.resolve` would apply the conditions of `require`, which an ESM package need
 * not have. Undefined: `exports` offers nothing for an import.
 */
export function exportedEntryPoint(exports: unknown): string | undefined {
  if (isRecord(exports) && Object.keys(exports).some((key) => key.startsWith("."))) return target(exports["."]);
  return target(exports);
}

function target(value: unknown): string | undefined {
  // Node refuses targets outside of the package, and those without "./".
  if (typeof value === "string") return isInside(value) ? value : undefined;
  if (Array.isArray(value)) return firstOf(value);
  if (!isRecord(value)) return undefined;
  return firstOf(
    Object.entries(value)
      .filter(([condition]) => CONDITIONS.has(condition))
      .map(([, next]) => next),
  );
}

function firstOf(values: readonly unknown[]): string | undefined {
  for (const value of values) {
    const found = target(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isInside(path: string): boolean {
  return path.startsWith("./") && !path.split(/[\\/]/).includes("..") && !path.includes("/node_modules/");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

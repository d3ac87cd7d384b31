import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { HoldfastError } from "@holdfast/core";

export const TESTKIT = "@holdfast/testkit";

export interface Recipe {
  unavailable(): string | undefined;
}

export async function loadRecipe(home: string, reference: string | undefined): Promise<Recipe> {
  const [module, name] = reference?.split("#") ?? [];
  if (module === undefined || name === undefined) {
    throw new HoldfastError("USAGE", "No world is named to try it in.", {
      hint: 'Give --world MODULE#EXPORT, or set "holdfast": { "world": "./world.js#recipe" } in its package.json.',
    });
  }
  const isPath = module.startsWith(".") || isAbsolute(module);
  const exports = isPath ? await importFile(resolve(home, module)) : await importFrom([home, process.cwd()], module);
  const value = exports[name];
  const recipe: unknown = typeof value === "function" && value.length === 0 ? value() : value;
  if (typeof recipe === "object" && recipe !== null && "unavailable" in recipe && "start" in recipe) {
    return recipe as Recipe;
  }
  throw new HoldfastError("INVALID_SPEC", `${module} exports no recipe as ${name}.`, {
    hint: `A recipe is a StorageRecipe of ${TESTKIT}, or a function without arguments that returns one.`,
  });
}

export async function importFrom(directories: readonly string[], name: string): Promise<Record<string, unknown>> {
  for (const directory of directories) {
    let path: string;
    try {
      path = createRequire(join(directory, "package.json")).resolve(name);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "MODULE_NOT_FOUND") continue;
      if (code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw error;
      throw new HoldfastError("INCOMPATIBLE", `${name} in ${directory} cannot be loaded by that name.`, {
        hint: 'Its package.json exports nothing by it for the condition "default"; name the file by its path.',
        cause: error,
      });
    }
    return importFile(path);
  }
  throw new HoldfastError("NOT_FOUND", `${name} is not installed in ${directories.join(" or ")}.`, {
    hint: `npm install --save-dev ${name}, in the directory of the package that is tried.`,
  });
}

/** @throws `INCOMPATIBLE` with the module's own message. */
export async function importFile(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("INCOMPATIBLE", `${path} could not be loaded: ${message}`, {
      hint: "Build the package and install what it imports; the message is the module's own.",
      cause,
    });
  }
}

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  assemblePlugins,
  HoldfastError,
  type Plugin,
  type PluginReference,
  type PluginRegistry,
  type StorageStrategy,
} from "@holdfast/core";
import { bounded } from "@holdfast/effects";
import * as z from "zod";
import { BUILT_IN } from "./built-in.js";
import { exportedEntryPoint } from "./entry-point.js";
import { checkPluginReference } from "./reference.js";
import { pluginOf } from "./shape.js";

export interface PluginSources {
  /** npm prefixes (`npm install --prefix DIR`), asked in turn. */
  readonly pluginDirs: readonly string[];
  readonly references: readonly PluginReference[];
}

/** Reading files and compiling them; more means a disk that hangs or a plugin that waits for something. */
const LOAD_TIMEOUT_MS = 10_000;

/**
 * The built-in plugins and those that were asked for, each in exactly the version that was asked for. A plugin's own
 * imports are resolved from where it lies: it brings its own `@holdfast/core` and `zod`.
 * @throws `BAD_CONFIGURATION`: not installed, or not readable. `INCOMPATIBLE`: another version, another API, or not a plugin at all.
 *   `INVALID_SPEC`: a range for a version, or two plugins of one name.
 */
export async function loadPlugins({ pluginDirs, references }: PluginSources): Promise<PluginRegistry> {
  const directories = pluginDirs.map((directory) => resolve(directory));
  const plugins: (Plugin & { readonly from: string })[] = [BUILT_IN];
  for (const reference of references) {
    checkPluginReference(reference);
    plugins.push(
      await bounded(loadPlugin(reference, directories), {
        timeoutMs: LOAD_TIMEOUT_MS,
        code: "UNKNOWN_OUTCOME",
        what: `Loading plugin ${reference.package}`,
        hint: "Is the plugin directory on a disk that hangs, or does the plugin wait for something while it is loaded?",
      }),
    );
  }
  return assemblePlugins(plugins);
}

/** @throws `INVALID_SPEC` that names those there are. */
export function requireStrategy(registry: PluginRegistry, type: string): StorageStrategy {
  const strategy = registry.strategies.get(type);
  if (strategy !== undefined) return strategy;
  const known = [...registry.strategies.keys()].sort().join(", ");
  throw new HoldfastError("INVALID_SPEC", `There is no storage strategy ${type}.`, {
    hint: `There are: ${known}. A strategy from elsewhere is named under plugins and installed in --plugin-dir.`,
  });
}

async function loadPlugin(reference: PluginReference, directories: readonly string[]) {
  const { manifest, home } = await findInstalled(reference, directories);
  const from = `${reference.package}@${reference.version}`;
  const file = entryFile(manifest, home);
  if (file === undefined) {
    throw new HoldfastError("INCOMPATIBLE", `Plugin ${from} has nothing that can be imported.`, {
      hint: `Look at "exports" in ${join(home, "package.json")}.`,
    });
  }
  return pluginOf(await importFile(file, from), from);
}

const manifestSchema = z.looseObject({ version: z.string(), exports: z.unknown().optional() });

interface Installed {
  readonly manifest: z.output<typeof manifestSchema>;
  readonly home: string;
}

async function findInstalled(reference: PluginReference, directories: readonly string[]): Promise<Installed> {
  const { package: name, version } = reference;
  const [first] = directories;
  if (first === undefined) {
    throw new HoldfastError("BAD_CONFIGURATION", `Plugin ${name} is asked for, but there is no plugin directory.`, {
      hint: `npm install --prefix DIR ${name}@${version}, then give --plugin-dir DIR.`,
    });
  }
  const others: string[] = [];
  for (const directory of directories) {
    const home = join(directory, "node_modules", name);
    const manifest = await readManifest(home);
    if (manifest?.version === version) return { manifest, home };
    if (manifest !== undefined) others.push(`${manifest.version} in ${directory}`);
  }
  const hint = `npm install --prefix ${first} --save-exact ${name}@${version}`;
  throw others.length === 0
    ? new HoldfastError("BAD_CONFIGURATION", `Plugin ${name} is not installed in ${directories.join(" or ")}.`, {
        hint,
      })
    : new HoldfastError("INCOMPATIBLE", `Plugin ${name} is asked for as ${version}; there is ${others.join(", ")}.`, {
        hint: `${hint}, or name the version that is there.`,
        detail: { package: name, wanted: version },
      });
}

async function readManifest(home: string): Promise<Installed["manifest"] | undefined> {
  const path = join(home, "package.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw new HoldfastError("BAD_CONFIGURATION", `${path} cannot be read: ${messageOf(error)}.`, {
      hint: "The plugin directory must be readable for the user that runs Holdfast.",
      cause: error,
    });
  }
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new HoldfastError("INCOMPATIBLE", `${path} is not a package.json with a version.`, {
      hint: "Install the plugin again.",
      cause: error,
    });
  }
}

function entryFile(manifest: Installed["manifest"], home: string): string | undefined {
  if (manifest.exports !== undefined && manifest.exports !== null) {
    const path = exportedEntryPoint(manifest.exports);
    return path === undefined ? undefined : join(home, path);
  }
  try {
    return createRequire(join(home, "package.json")).resolve(home); // `main`, with all that it may leave out
  } catch (error) {
    if (systemCode(error) === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

async function importFile(file: string, from: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    // ERR_MODULE_NOT_FOUND from import, MODULE_NOT_FOUND from require.
    const missing = /^(ERR_)?MODULE_NOT_FOUND$/.test(systemCode(error) ?? "");
    throw new HoldfastError(
      missing ? "BAD_CONFIGURATION" : "INCOMPATIBLE",
      `Plugin ${from} could not be loaded: ${messageOf(error)}`,
      {
        hint: missing
          ? "Something that it imports is not installed: install the plugin again with npm, peers included."
          : "The message is the plugin's own; ask its author.",
        cause: error,
      },
    );
  }
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { exportedEntryPoint } from "../plugins/entry-point.js";

export interface FoundPackage {
  readonly home: string;
  /** The plugin directory that it is installed in, when it is in one. */
  readonly prefix?: string;
}

/** A path, or a name looked up in the plugin directories and from here upwards. */
export function findPackage(name: string, pluginDirs: readonly string[]): FoundPackage {
  if (name.startsWith(".") || isAbsolute(name)) {
    const home = resolve(name);
    if (existsSync(join(home, "package.json"))) return { home };
    throw new HoldfastError("NOT_FOUND", `There is no package.json in ${home}.`, {
      hint: "Name a package's directory.",
    });
  }
  const homeIn = (directory: string) => join(directory, "node_modules", name);
  const isIn = (directory: string) => existsSync(join(homeIn(directory), "package.json"));
  const prefix = pluginDirs.find(isIn);
  if (prefix !== undefined) return { home: homeIn(prefix), prefix };
  const directory = upwards(process.cwd()).find(isIn);
  if (directory !== undefined) return { home: homeIn(directory) };
  throw new HoldfastError("NOT_FOUND", `Package ${name} is not installed here.`, {
    hint: `npm install ${name}, or name its directory (./${name}) or the --plugin-dir that has it.`,
  });
}

function upwards(directory: string): string[] {
  const parent = resolve(directory, "..");
  return parent === directory ? [directory] : [directory, ...upwards(parent)];
}

export interface Manifest {
  readonly version?: string;
  readonly exports?: unknown;
  readonly main?: string;
  readonly holdfast?: { readonly world?: string };
}

export async function readManifest(home: string): Promise<Manifest> {
  const path = join(home, "package.json");
  const text = await readFile(path, "utf8");
  try {
    return JSON.parse(text) as Manifest;
  } catch (cause) {
    throw new HoldfastError("INCOMPATIBLE", `${path} is not JSON.`, {
      hint: "Correct it, or install it again.",
      cause,
    });
  }
}

export function entryOf(home: string, { exports, main }: Manifest): string {
  const path = exports === undefined ? (main ?? "index.js") : exportedEntryPoint(exports);
  if (path !== undefined) return join(home, path);
  throw new HoldfastError("INCOMPATIBLE", `${home} has nothing that can be imported.`, {
    hint: 'Look at "exports" in its package.json.',
  });
}

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { HoldfastError } from "@holdfast/core";
import type { Command } from "commander";
import { locateInit, programCommand } from "../embedded.js";
import { exportedEntryPoint } from "../plugins/entry-point.js";
import { printLines } from "./output.js";

interface ConformanceFlags {
  readonly level: string;
  readonly world?: string;
  readonly strategy?: string;
  readonly pluginDir: readonly string[];
  readonly full?: boolean;
  readonly json?: string;
}

/** What is used of `@holdfast/testkit`, which is the user's own: the suite belongs to the package that it judges. */
interface Testkit {
  readonly LEVELS: readonly string[];
  runConformance(subject: object, options: object): Promise<Report>;
  formatReport(report: Report): string;
  levelResult(report: Report, level: string): string;
}

interface CaseReport {
  readonly id: string;
  readonly result: string;
  readonly why: string | null;
  readonly tookMs: number;
}

interface Report {
  readonly strategy: string;
  readonly backend: string;
  readonly server: string;
  readonly declaredGrade: string;
  readonly proven: { readonly grade: string; readonly why: string };
  readonly cases: readonly CaseReport[];
}

interface Recipe {
  unavailable(): string | undefined;
}

const TESTKIT = "@holdfast/testkit";

/** `holdfast conformance`: the testkit's suite on a strategy, without a test runner. Exit 1 when a case fails. */
export function registerConformance(program: Command): void {
  program
    .command("conformance <package-or-path>")
    .description(
      "try a storage strategy on a real backend, and say which invariants it keeps and which grade that proves",
    )
    .option("--level <level>", "up to which level: L0, L1, L2, L3 or L4", "L4")
    .option("--world <module#export>", "recipe of the backend (default: holdfast.world in the package's package.json)")
    .option("--strategy <type>", "which strategy of the plugin, where it has several")
    .option(
      "--plugin-dir <dir>",
      "npm prefix in which the packages are looked for; may be given several times",
      collect,
      [],
    )
    .option("--full", "wait as long as a grade's definition says: a minute after healing")
    .option("--json <file>", "write the report, conformance.json")
    .action(async (name: string, flags: ConformanceFlags) => {
      const { home, prefix } = findPackage(name, flags.pluginDir);
      const testkit = (await importFrom([home, ...flags.pluginDir, process.cwd()], TESTKIT)) as unknown as Testkit;
      const levels = levelsUpTo(testkit.LEVELS, flags.level);
      const manifest = await readManifest(home);
      const recipe = await loadRecipe(home, flags.world ?? manifest.holdfast?.world);
      const missing = recipe.unavailable();
      if (missing !== undefined) {
        throw new HoldfastError("UNSUPPORTED", `This backend cannot be had here: ${missing}.`, {
          hint: "Install what is missing, or name another --world.",
        });
      }
      const init = locateInit();
      if (init.path !== undefined) process.env.HOLDFAST_INIT ??= init.path;
      const type = flags.strategy === undefined ? {} : { type: flags.strategy };
      const strategy = { module: entryOf(home, manifest), export: "holdfastPlugin", ...type };
      const report = await testkit.runConformance(
        { strategy, recipe },
        {
          levels,
          mode: flags.full === true ? "full" : "quick",
          onCase: (one: CaseReport) => printLines([caseLine(one)]),
          ...(prefix === undefined ? {} : { holdfast: thisProgram(prefix, name, manifest) }),
        },
      );
      printLines(summary(testkit, report, levels));
      if (flags.json !== undefined) await writeFile(flags.json, testkit.formatReport(report));
      if (report.cases.some(({ result }) => result === "failed")) process.exitCode = 1;
    });
}

const collect = (value: string, earlier: readonly string[]) => [...earlier, resolve(value)];

function caseLine({ id, result, why, tookMs }: CaseReport): string {
  return `${result.padEnd(8)} ${String(tookMs).padStart(6)} ms  ${id}${why === null ? "" : `: ${why}`}`;
}

function summary(testkit: Testkit, report: Report, levels: readonly string[]): string[] {
  return [
    "",
    `${report.strategy} on ${report.backend} (${report.server})`,
    ...levels.map((level) => `${level}: ${testkit.levelResult(report, level)}`),
    `declared ${report.declaredGrade}, proven ${report.proven.grade}: ${report.proven.why}`,
  ];
}

function levelsUpTo(levels: readonly string[], level: string): readonly string[] {
  const index = levels.indexOf(level);
  if (index >= 0) return levels.slice(0, index + 1);
  throw new HoldfastError("USAGE", `There is no level ${level}.`, { hint: `The levels are ${levels.join(", ")}.` });
}

interface FoundPackage {
  readonly home: string;
  /** The plugin directory that it is installed in, when it is in one. */
  readonly prefix?: string;
}

/** A path, or a name looked up in the plugin directories and from here upwards. */
function findPackage(name: string, pluginDirs: readonly string[]): FoundPackage {
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

/** For the rows in which `holdfast run` drives the strategy: this program, with the package as a plugin. */
function thisProgram(prefix: string, name: string, { version }: Manifest): object {
  const { file, args } = programCommand([]);
  return { command: [file, ...args], pluginDirs: [prefix], plugin: { package: name, version } };
}

function upwards(directory: string): string[] {
  const parent = resolve(directory, "..");
  return parent === directory ? [directory] : [directory, ...upwards(parent)];
}

interface Manifest {
  readonly version?: string;
  readonly exports?: unknown;
  readonly main?: string;
  readonly holdfast?: { readonly world?: string };
}

async function readManifest(home: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(home, "package.json"), "utf8")) as Manifest;
}

function entryOf(home: string, { exports, main }: Manifest): string {
  const path = exports === undefined ? (main ?? "index.js") : exportedEntryPoint(exports);
  if (path !== undefined) return join(home, path);
  throw new HoldfastError("INCOMPATIBLE", `${home} has nothing that can be imported.`, {
    hint: 'Look at "exports" in its package.json.',
  });
}

async function loadRecipe(home: string, reference: string | undefined): Promise<Recipe> {
  const [module, name] = reference?.split("#") ?? [];
  if (module === undefined || name === undefined) {
    throw new HoldfastError("USAGE", "No world is named to try it in.", {
      hint: 'Give --world MODULE#EXPORT, or set "holdfast": { "world": "./world.js#recipe" } in its package.json.',
    });
  }
  const isPath = module.startsWith(".") || isAbsolute(module);
  const exports = isPath ? await importFile(resolve(home, module)) : await importFrom([home, process.cwd()], module);
  const value = exports[name];
  const recipe: unknown = typeof value === "function" ? value() : value;
  if (typeof recipe === "object" && recipe !== null && "unavailable" in recipe && "start" in recipe) {
    return recipe as Recipe;
  }
  throw new HoldfastError("INVALID_SPEC", `${module} exports no recipe as ${name}.`, {
    hint: `A recipe is a StorageRecipe of ${TESTKIT}, or a function without arguments that returns one.`,
  });
}

async function importFrom(directories: readonly string[], name: string): Promise<Record<string, unknown>> {
  for (const directory of directories) {
    let path: string;
    try {
      path = createRequire(join(directory, "package.json")).resolve(name);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") continue;
      throw error;
    }
    return importFile(path);
  }
  throw new HoldfastError("NOT_FOUND", `${name} is not installed in ${directories.join(" or ")}.`, {
    hint: `npm install --save-dev ${name}, in the directory of the package that is tried.`,
  });
}

async function importFile(path: string): Promise<Record<string, unknown>> {
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

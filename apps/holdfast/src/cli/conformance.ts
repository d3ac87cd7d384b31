import { access, constants, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { Command } from "commander";
import { importFile, importFrom, loadRecipe, TESTKIT } from "../conformance/load.js";
import { entryOf, findPackage, type Manifest, readManifest } from "../conformance/package.js";
import { locateInit, programCommand } from "../embedded.js";
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
      if (flags.json !== undefined) await requireWritable(dirname(resolve(flags.json)));
      const { home, prefix } = findPackage(name, flags.pluginDir);
      const manifest = await readManifest(home);
      const testkit = (await importFrom([home, ...flags.pluginDir, process.cwd()], TESTKIT)) as unknown as Testkit;
      const levels = levelsUpTo(testkit.LEVELS, flags.level);
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
      const module = entryOf(home, manifest);
      await importFile(module);
      const strategy = { module, export: "holdfastPlugin", ...type };
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

/** For the rows in which `holdfast run` drives the strategy: this program, with the package as a plugin. */
function thisProgram(prefix: string, name: string, { version }: Manifest): object {
  const { file, args } = programCommand([]);
  return { command: [file, ...args], pluginDirs: [prefix], plugin: { package: name, version } };
}

/** Before the suite, which may take an hour. */
async function requireWritable(directory: string): Promise<void> {
  try {
    await access(directory, constants.W_OK);
  } catch (cause) {
    throw new HoldfastError("USAGE", `The report cannot be written into ${directory}.`, {
      hint: "Make the directory, or give --json another file.",
      cause,
    });
  }
}

import { relative, resolve } from "node:path";
import type { Command } from "commander";
import { scaffoldOptions } from "../scaffold/options.js";
import { scaffold } from "../scaffold/scaffold.js";
import { writeFiles } from "../scaffold/write.js";
import { printJson, printLines } from "./output.js";

declare const HOLDFAST_VERSION: string;

interface CreateFlags {
  readonly directory?: string;
  readonly package?: string;
  readonly json?: boolean;
}

/** `holdfast create-strategy`: a package that works and passes the suite's first levels before its author writes a line. */
export function registerCreateStrategy(program: Command): void {
  program
    .command("create-strategy <name>")
    .description("write a storage strategy of one's own: a package that already works, to go on from")
    .option("--directory <dir>", "where; new or empty (default: the package's name, without its scope)")
    .option("--package <name>", "npm name of the package (default: holdfast-storage-NAME)")
    .option("--json", "machine-readable output")
    .action(async (name: string, flags: CreateFlags) => {
      const options = scaffoldOptions(name, flags.package, HOLDFAST_VERSION);
      const directory = resolve(flags.directory ?? (options.packageName.split("/").at(-1) as string));
      const files = scaffold(options);
      await writeFiles(directory, files);
      if (flags.json === true) {
        printJson({ directory, package: options.packageName, type: options.type, files: Object.keys(files) });
        return;
      }
      const shown = relative(process.cwd(), directory) || ".";
      printLines([
        `Wrote ${options.packageName}, the strategy ${options.type}, to ${shown}.`,
        `Next: cd ${shown} && npm install && npm test`,
        "Its README says how to go on from there.",
      ]);
    });
}

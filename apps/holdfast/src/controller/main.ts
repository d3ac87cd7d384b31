import { ROLES, type Role } from "@holdfast/controller";
import { HoldfastError } from "@holdfast/core";
import { Command, Option } from "commander";
import { printJson, printLines } from "../cli/output.js";
import { runProgram } from "../cli/run-program.js";
import { PLUGIN_DIR_HELP, pluginDirs } from "../cli/service-session.js";
import { withStoreAccessFlags } from "../cli/store-options.js";
import { type ControllerFlags, runControllerCommand } from "./run.js";
import { makeToken } from "./token.js";

/** `holdfast controller …`. @param argv - The arguments after `controller`. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = withStoreAccessFlags(new Command("holdfast controller").enablePositionalOptions())
    .description("keeps services as their files say, answers the API, and attaches and fences for runs that ask for it")
    .option("--listen <address:port>", "where the API answers", "127.0.0.1:8740")
    .option("--tokens-file <file>", "hashes of the tokens; needed for every address but a loopback one")
    .option("--tls-cert <file>", "certificate of the API")
    .option("--tls-key <file>", "its key")
    .option("--advertise <url>", "how others reach this API, when it leads")
    .option("--orchestrator <type>", "what places runs: local, or one of a plugin", "local")
    .option("--plugin <name@version>", "plugin of the orchestrator", plugins, [])
    .option("--plugin-dir <dir>", PLUGIN_DIR_HELP, pluginDirs, [])
    .option("--work-dir <dir>", "on a local disk, for tasks of the local orchestrator", "/var/lib/holdfast/controller")
    .option("--agent <id>", "name of this machine (default: its host name)")
    .option("--round-ms <ms>", "between two looks at every service", milliseconds, 5_000)
    .option("--lease-ms <ms>", "of the controllers' own lease", milliseconds, 10_000)
    .action((flags: ControllerFlags) => runControllerCommand(flags));
  program
    .command("token")
    .description("make a token, add its hash to the file, and print it; it is kept nowhere else")
    .requiredOption("--tokens-file <file>", "made when it is not there")
    .requiredOption("--name <name>", "who will use it; a second one of that name takes its place")
    .option("--json", "machine-readable output")
    .addOption(new Option("--role <role>", "what it may do").choices(ROLES).makeOptionMandatory())
    .action(async (flags: { tokensFile: string; name: string; role: Role; json?: boolean }) => {
      const token = await makeToken(flags.tokensFile, { name: flags.name, role: flags.role });
      if (flags.json === true) printJson({ name: flags.name, role: flags.role, token });
      else printLines([token]);
    });
  await runProgram(program, argv);
}

function milliseconds(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new HoldfastError("USAGE", `"${text}" is no number of milliseconds.`, { hint: "Give a whole number above 0." });
}

function plugins(
  text: string,
  before: readonly { package: string; version: string }[],
): readonly { package: string; version: string }[] {
  const at = text.lastIndexOf("@");
  if (at > 0) return [...before, { package: text.slice(0, at), version: text.slice(at + 1) }];
  throw new HoldfastError("USAGE", `"${text}" names no version.`, { hint: "Give PACKAGE@VERSION." });
}

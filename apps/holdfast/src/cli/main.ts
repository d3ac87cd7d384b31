import { HoldfastError } from "@holdfast/core";
import { Command, CommanderError } from "commander";
import { registerDev } from "../dev/command.js";
import { printError } from "../print-error.js";
import { registerClaim } from "./claim.js";
import { registerConformance } from "./conformance.js";
import { registerCreateStrategy } from "./create-strategy.js";
import { registerDoctor } from "./doctor.js";
import { registerFailover } from "./failover.js";
import { registerHealth } from "./health.js";
import { registerLock } from "./lock.js";
import { registerPlan } from "./plan.js";
import { registerVolume } from "./volume.js";

declare const HOLDFAST_VERSION: string;

/** As a shell tells the end by SIGPIPE. */
const BROKEN_PIPE_EXIT = 141;

/** Everything but `run`. @param argv - The arguments after the program's own name. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("holdfast")
    .description("Runs stateful services without ever letting two writers touch the same data.")
    .version(HOLDFAST_VERSION)
    .option("--json", "machine-readable output")
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  // Listed here and handled before this file is even loaded: the guard's start must not wait for it.
  program
    .command("run", "run a command under the service's lease (holdfast run --help)", { hidden: false })
    .helpCommand(true);
  const commands = [
    registerPlan,
    registerFailover,
    registerVolume,
    registerLock,
    registerClaim,
    registerHealth,
    registerDoctor,
    registerConformance,
    registerCreateStrategy,
    registerDev,
  ];
  for (const register of commands) register(program);
  forEachCommand(program, (command) => command.exitOverride().configureOutput({ outputError: () => undefined }));
  const json = argv.includes("--json");
  process.stdout.on("error", onOutputGone);
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    process.exitCode = printError(error instanceof CommanderError ? usageError(error) : error, json);
  }
}

/** `holdfast … | head`: whoever read has enough. `dev`, which has things to take down, listens for it, too. */
function onOutputGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  if (process.stdout.listenerCount("error") === 1) process.exit(BROKEN_PIPE_EXIT);
}

function forEachCommand(command: Command, action: (command: Command) => void): void {
  action(command);
  for (const child of command.commands) forEachCommand(child, action);
}

function usageError(error: CommanderError): HoldfastError {
  const message = error.message.replace(/^error: /, "");
  const first = message.split("\n")[0] ?? message;
  const suggestion = /\(Did you mean .*\)/.exec(message)?.[0];
  return new HoldfastError("USAGE", capitalise(first.replace(/\.?$/, ".")), {
    hint: `${suggestion === undefined ? "" : `${suggestion} `}See \`holdfast --help\` and \`holdfast COMMAND --help\`.`,
  });
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

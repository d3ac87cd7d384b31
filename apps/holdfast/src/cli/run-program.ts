import { HoldfastError } from "@holdfast/core";
import { type Command, CommanderError } from "commander";
import { printError } from "../print-error.js";

/** As a shell tells the end by SIGPIPE. */
const BROKEN_PIPE_EXIT = 141;

/** Parses and runs, and says what went wrong in the one way of all commands. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
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

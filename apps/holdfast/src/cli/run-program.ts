import { HoldfastError } from "@holdfast/core";
import { type Command, CommanderError } from "commander";
import { printError } from "../print-error.js";

/** Parses and runs, and says what went wrong in the one way of all commands. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  forEachCommand(program, (command) => command.exitOverride().configureOutput({ outputError: () => undefined }));
  const json = argv.includes("--json");
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    process.exitCode = printError(error instanceof CommanderError ? usageError(error) : error, json);
  }
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

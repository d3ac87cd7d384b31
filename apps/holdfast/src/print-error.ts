import { ERROR_CODES, type ErrorCode, type ErrorCodeEntry, EXIT_CODES, errorCode } from "@holdfast/core";

/** An error as a person reads it: one message, one hint, one stable code. A stranger's error is a defect. */
export function formatError(error: unknown): { code: string; message: string; hint: string; exitCode: number } {
  const code = errorCode(error);
  if (code !== undefined && error instanceof Error && "hint" in error) {
    return { code, message: error.message, hint: String(error.hint), exitCode: exitCodeOf(code) };
  }
  return {
    code: "INTERNAL",
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    hint: "This is a defect in Holdfast; please report it with this message.",
    exitCode: EXIT_CODES.INTERNAL,
  };
}

/** The documented exit code of an error code; an unknown one is a defect. */
function exitCodeOf(code: string): number {
  const entry: ErrorCodeEntry | undefined = Object.hasOwn(ERROR_CODES, code)
    ? ERROR_CODES[code as ErrorCode]
    : undefined;
  return EXIT_CODES[entry?.exit ?? "INTERNAL"];
}

/** Writes it to standard error, or as JSON to standard output, and returns the exit code. */
export function printError(error: unknown, json: boolean): number {
  const { code, message, hint, exitCode } = formatError(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, hint } })}\n`);
  else process.stderr.write(`holdfast: ${message}\n  hint: ${hint}\n  code: ${code}\n`);
  return exitCode;
}

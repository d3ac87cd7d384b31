import { errorCode } from "@holdfast/core";

/** An error as the guard gets it: code, message, hint. A stranger's error is a defect and says INTERNAL. */
export function describeFailure(error: unknown): { code: string; message: string; hint: string } {
  const code = errorCode(error);
  if (code !== undefined && error instanceof Error && "hint" in error) {
    return { code, message: error.message, hint: String(error.hint) };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "INTERNAL", message, hint: "This is a defect in Holdfast; please report it with this message." };
}

import { type ControlTarget, type ExecResult, HoldfastError, type Op } from "@holdfast/core";
import { SCRIPT_EXIT } from "./scripts.js";

/** One script on the server. Resolves to null when the file had changed since it was read. */
export async function runScript(
  op: Op,
  control: ControlTarget,
  script: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly input?: string },
): Promise<ExecResult | null> {
  const result = await op.control(control, ["sh", "-c", script, "holdfast", ...args], {
    ...options,
    okExitCodes: [0, ...Object.values(SCRIPT_EXIT)],
  });
  switch (result.exitCode) {
    case SCRIPT_EXIT.CHANGED:
      return null;
    case SCRIPT_EXIT.LOCKED:
      throw new HoldfastError("BUSY", "Another change of the same volume is under way at the server.", {
        hint: "Call again later.",
        retryable: true,
      });
    case SCRIPT_EXIT.NOT_RUNNING:
      throw new HoldfastError(
        "UNKNOWN_OUTCOME",
        "The file server does not run; the rules are written, nobody read them.",
        {
          hint: "Start it, then call again.",
          retryable: true,
        },
      );
    case SCRIPT_EXIT.NOT_RELOADED:
      throw new HoldfastError("UNKNOWN_OUTCOME", "The file server did not say that it read the rules.", {
        hint: result.stderr.trim().slice(-1_000) || "See its log.",
        retryable: true,
      });
    default:
      return result;
  }
}

/** A whole command line as a person would type it, for plans. */
export function onServer(control: ControlTarget, command: string): string {
  return control.kind === "ssh"
    ? `ssh ${control.user}@${control.host} -- ${command}`
    : [...control.command, command].join(" ");
}

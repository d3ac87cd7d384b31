import { realpathSync } from "node:fs";
import sea from "node:sea";
import { HoldfastError } from "@holdfast/core";

/** How this same program is started again: what the user ran, in whichever form it comes. */
export function ownCommand(): readonly [string, ...string[]] {
  if (sea.isSea()) return [process.execPath];
  const script = process.argv[1];
  if (script === undefined) {
    throw new HoldfastError("INTERNAL", "The program does not know its own file.", {
      hint: "Start it as a file: node holdfast.cjs dev …",
    });
  }
  return [process.execPath, realpathSync(script)];
}

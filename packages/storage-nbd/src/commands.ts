import { controlArgv } from "@holdfast/core";
import type { CheckCommands } from "./node/file-systems.js";
import type { NbdOptions } from "./options.js";

/** What a person types, from where this strategy's control target is; the server refuses while the volume is attached. */
export function personCommands(options: NbdOptions): CheckCommands {
  const line = (...args: string[]) => controlArgv(options.control, args).map(quote).join(" ");
  return {
    repair: line("repair", options.volume, "safe", options.fsType),
    force: line("repair", options.volume, "force", options.fsType),
    format: line("format", options.volume, options.fsType),
    look: line("status", options.volume),
  };
}

/** Of a shell, because it is printed to be pasted there. */
function quote(word: string): string {
  return /^[A-Za-z0-9_./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

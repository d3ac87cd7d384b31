#!/usr/bin/env node
import { loadBundle } from "./embedded.js";
import { run } from "./run/main.js";

declare const HOLDFAST_VERSION: string;

/** Dispatches. `run` is in this bundle; everything else is loaded only by the process that needs it. */
async function main(argv: readonly string[]): Promise<void> {
  const [command, ...rest] = argv;
  if (command === "run") {
    // At once: what is still pending belongs to a run that is over.
    process.exit(await run(rest));
  }
  if (command === "--version") {
    process.stdout.write(`${HOLDFAST_VERSION}\n`);
    return;
  }
  if (command === "__lock") await loadBundle("lock").main(rest);
  else if (command === "__storage") await loadBundle("storage").main(rest);
  else if (command === "controller") await loadBundle("controller").main(rest);
  else await loadBundle("cli").main(argv);
}

// A defect ends this process at once, and with it everything that it started.
main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`holdfast: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(70);
});

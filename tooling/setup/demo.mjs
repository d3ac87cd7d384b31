// @ts-check
/**
 * `pnpm demo [--engine mariadb|postgresql] [--zookeeper] [options of holdfast dev]`: sets up what this demo needs, then
 * runs `holdfast dev --demo` with the same options.
 */
import { spawn, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const options = process.argv.slice(2).filter((word) => word !== "--"); // pnpm passes its own separator on

const setup = spawnSync(process.execPath, [join(here, "setup.mjs"), "--for", "demo", ...optionsOfSetup(options)], {
  stdio: "inherit",
});
if (setup.status !== 0) process.exit(setup.status ?? 1);

const program = join(here, "../../apps/holdfast/dist/holdfast.cjs");
const demo = spawn(process.execPath, [program, "dev", "--demo", ...options], { stdio: "inherit" });
// The terminal sends ^C to the demo as well, which then takes its cluster down; this process only waits for that.
process.on("SIGINT", () => undefined);
for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"])) process.on(signal, () => demo.kill(signal));
demo.on("exit", (code, signal) => {
  process.exitCode = code ?? 1;
  if (signal !== null) console.error(`demo: ended by ${signal}`);
});

/** @param {readonly string[]} words */
function optionsOfSetup(words) {
  return words.flatMap((word, index) => {
    if (word === "--zookeeper" || word.startsWith("--engine=")) return [word];
    return word === "--engine" ? [word, words[index + 1] ?? ""] : [];
  });
}

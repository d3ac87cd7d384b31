// @ts-check
/**
 * `node tooling/setup/setup.mjs --for PURPOSE [--engine mariadb|postgresql] [--zookeeper]`
 *
 * Does all the set-up that PURPOSE needs and no more: dependencies, build, native init, and (as root on Debian) system
 * packages. Says nothing and takes a second when there is nothing to do. Uses only what Node brings, since it runs
 * before anything is installed.
 */
import { parseArgs } from "node:util";
import { nativeBuildPackages } from "./packages.mjs";
import { ensureSystemPackages, packagesFor } from "./system-packages.mjs";
import { buildNativeInit, buildPackages, fetchGuestKernel, installDependencies } from "./workspace.mjs";

const PURPOSES = ["demo", "test", "faults", "storage", "vm", "exe", "bench", "model", "check"];
const ENGINES = ["redis", "mariadb", "postgresql"];
const NODE_MIN = [20, 19];

/**
 * @param {string} message
 * @returns {never}
 */
function usage(message) {
  console.error(`setup: ${message}`);
  console.error(`usage: setup.mjs --for ${PURPOSES.join("|")} [--engine ${ENGINES.join("|")}] [--zookeeper]`);
  process.exit(64);
}

function parse() {
  try {
    return parseArgs({
      options: { for: { type: "string" }, engine: { type: "string" }, zookeeper: { type: "boolean", default: false } },
    }).values;
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

const { for: purpose, engine, zookeeper } = parse();
if (purpose === undefined || !PURPOSES.includes(purpose)) usage("--for says what the set-up is for");
if (engine !== undefined && !ENGINES.includes(engine)) usage(`--engine ${engine} is not one of ${ENGINES.join(", ")}`);

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (
  major < /** @type {number} */ (NODE_MIN[0]) ||
  (major === NODE_MIN[0] && minor < /** @type {number} */ (NODE_MIN[1]))
) {
  console.error(`setup: Node ${NODE_MIN.join(".")} or newer is needed; this is ${process.versions.node}.`);
  process.exit(78);
}

const purposes = [purpose, ...(engine ? [`${purpose}+${engine}`] : []), ...(zookeeper ? [`${purpose}+zookeeper`] : [])];
ensureSystemPackages(packagesFor(purposes));
if (purpose !== "model") {
  installDependencies();
  // Before the packages: the program's build puts the native init beside its bundles.
  buildNativeInit(() => ensureSystemPackages(nativeBuildPackages));
  buildPackages();
  if (purpose === "vm") await fetchGuestKernel();
}

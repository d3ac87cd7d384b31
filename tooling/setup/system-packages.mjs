// @ts-check
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemPackages } from "./packages.mjs";

/** @typedef {import("./packages.mjs").SystemPackage} SystemPackage */

const here = dirname(fileURLToPath(import.meta.url));

/** @param {string} command */
export function findCommand(command) {
  // sbin is missing from the PATH of ordinary users, but what lies there can be executed all the same.
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return directories.map((directory) => join(directory, command)).find(isExecutable);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // the answer, not a failure
  }
}

/** @param {SystemPackage} entry */
export function isPresent({ command, files }) {
  return command === undefined ? (files ?? []).some((file) => existsSync(file)) : findCommand(command) !== undefined;
}

/**
 * @param {readonly string[]} purposes - For example `["demo", "demo+zookeeper"]`.
 * @param {readonly SystemPackage[]} [table]
 */
export function packagesFor(purposes, table = systemPackages) {
  return table.filter((entry) => entry.for.some((purpose) => purposes.includes(purpose)));
}

/**
 * Installs what is missing, or says exactly what is missing and returns: whatever can run without it still should.
 *
 * @param {readonly SystemPackage[]} wanted
 */
export function ensureSystemPackages(wanted) {
  const missing = wanted.filter((entry) => !isPresent(entry));
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  const obstacle = whyNotInstallable();
  if (obstacle !== undefined) {
    console.log(`setup: missing, and not installed because ${obstacle}:`);
    printReasons(missing);
    console.log(`setup: on Debian: apt-get install --no-install-recommends ${names.join(" ")}`);
    console.log("setup: going on without them; what needs them says so and is left out");
    return;
  }
  console.log("setup: system packages to install:");
  printReasons(missing);
  // One at a time, because the policy file that keeps daemons from starting is put in place and taken away again.
  const lock = "/run/lock/holdfast-setup";
  const installed = spawnSync(
    "flock",
    ["--wait", "900", lock, process.execPath, join(here, "apt-install.mjs"), ...names],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const still = missing.filter((entry) => !isPresent(entry));
  if (still.length > 0) {
    const why = installed.status === 0 ? "although apt-get succeeded" : "because the installation failed (see above)";
    console.log(`setup: still missing, ${why}:`);
    printReasons(still);
    console.log("setup: going on without them; what needs them says so and is left out");
  }
}

/** @param {readonly SystemPackage[]} entries */
function printReasons(entries) {
  for (const { name, reason } of entries) console.log(`setup:   ${name.padEnd(22)} ${reason}`);
}

/** @returns {string | undefined} */
function whyNotInstallable() {
  if (process.platform !== "linux") return `this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "this is not root";
  if (findCommand("apt-get") === undefined) return "there is no apt-get";
  try {
    execFileSync("flock", ["--version"], { stdio: "ignore" });
  } catch {
    return "there is no flock (util-linux)";
  }
  return undefined;
}

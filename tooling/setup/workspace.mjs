// @ts-check
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCommand } from "./system-packages.mjs";

export const repository = join(dirname(fileURLToPath(import.meta.url)), "../..");
const state = join(repository, "node_modules/.holdfast");

/** Installs the dependencies, exactly those of the lock file, unless that has been done for this very lock file. */
export function installDependencies() {
  const stamp = join(state, "installed");
  const wanted = installDigest();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const startedAt = Date.now();
  const [file = "", ...args] = [...pnpmCommand(), "install", "--frozen-lockfile", "--reporter=append-only"];
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd: repository, encoding: "utf8" });
  if (status !== 0) {
    process.stderr.write(`${stdout ?? ""}${stderr ?? ""}`);
    fail(`pnpm install failed: ${error?.message ?? `exit code ${status}`}`);
  }
  console.log(`setup: dependencies installed, ${seconds(startedAt)}`);
  mkdirSync(state, { recursive: true });
  writeFileSync(stamp, wanted);
}

/** Builds what changed. Turborepo knows what did. */
export function buildPackages() {
  const startedAt = Date.now();
  const { status, stdout, stderr } = spawnSync(
    join(repository, "node_modules/.bin/turbo"),
    ["run", "build", "--output-logs=errors-only", "--log-order=grouped"],
    {
      cwd: repository,
      encoding: "utf8",
      env: {
        ...process.env,
        PATH: `${pnpmOnPath()}${process.env.PATH}`,
        // Nothing here talks to anyone but the package registry.
        TURBO_TELEMETRY_DISABLED: "1",
        DO_NOT_TRACK: "1",
      },
    },
  );
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}`);
    fail("the build failed (see above)");
  }
  const [, cached, total] = /Cached:\s+(\d+) cached, (\d+) total/.exec(stdout) ?? [];
  if (cached !== total) console.log(`setup: built ${total} packages, ${seconds(startedAt)}`);
}

/** Debian's kernel for guests, unpacked into the cache; needs the built packages, and names what is missing otherwise. */
export async function fetchGuestKernel() {
  const startedAt = Date.now();
  const { downloadGuestKernel } = await import(join(repository, "packages/testkit/dist/index.js"));
  try {
    const kernel = await downloadGuestKernel();
    if (statSync(kernel).ctimeMs >= startedAt)
      console.log(`setup: ${basename(kernel)} unpacked, ${seconds(startedAt)}`);
  } catch (error) {
    console.log(`setup: no kernel for guests: ${error instanceof Error ? error.message : error}`);
    console.log("setup: going on without it; what needs guests says so and is left out");
  }
}

/**
 * Builds the native init from source, unless it was built from these very sources.
 *
 * @param {() => void} installCompiler - Called only when none that is here can do it.
 */
export function buildNativeInit(installCompiler) {
  const directory = join(repository, "packages/supervisor/native");
  const output = join(directory, "dist/holdfast-init");
  const stamp = join(directory, "dist/.built-from");
  const sources = readdirSync(directory).filter((file) => /\.(c|h|sh)$/.test(file));
  const wanted = digestOf(sources.map((file) => join(directory, file)));
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const build = () => spawnSync("sh", [join(directory, "build.sh"), output], { encoding: "utf8" });
  let result = build();
  if (result.status !== 0) {
    installCompiler();
    result = build();
  }
  if (result.status === 0) {
    writeFileSync(stamp, wanted);
    console.log(`setup: native init built (${result.stdout.trim().replace(/^.*: /, "")})`);
    return;
  }
  process.stdout.write(result.stderr);
  console.log("setup: going on without the native init: util-linux stands in for it, with less protection");
}

/** The pnpm that runs us, or else the pinned one, as `npx` gets it. */
function pnpmCommand() {
  const running = process.env.npm_execpath;
  if (running !== undefined && basename(running).startsWith("pnpm")) return [process.execPath, running];
  const { packageManager } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  return ["npx", "-y", packageManager];
}

/**
 * Turborepo starts `pnpm` by name, which exists only when pnpm was started through npx or is installed.
 *
 * @returns {string} what to put before the PATH
 */
function pnpmOnPath() {
  if (findCommand("pnpm") !== undefined) return "";
  const directory = join(state, "bin");
  const file = join(directory, "pnpm");
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    file,
    `#!/bin/sh\nexec ${pnpmCommand()
      .map((word) => `'${word}'`)
      .join(" ")} "$@"\n`,
  );
  chmodSync(file, 0o755);
  return `${directory}${delimiter}`;
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/** @param {number} sinceMs */
function seconds(sinceMs) {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
}

function installDigest() {
  const manifests = ["packages", "apps", "tooling"]
    .flatMap((group) =>
      readdirSync(join(repository, group)).map((name) => join(repository, group, name, "package.json")),
    )
    .filter((file) => existsSync(file));
  const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc"];
  return digestOf([...files.map((file) => join(repository, file)), ...manifests]);
}

/** @param {readonly string[]} files */
function digestOf(files) {
  const hash = createHash("sha256");
  for (const file of [...files].sort()) hash.update(file).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

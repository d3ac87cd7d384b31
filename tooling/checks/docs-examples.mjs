// @ts-check
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { build } from "esbuild";
import { repository } from "./tree.mjs";

const LIMIT_MS = 60_000;

/**
 * Runs an example in a directory of its own, with `holdfast` on the PATH, and ends whatever it leaves running.
 *
 * @param {string} page
 * @param {import("./markdown.mjs").CodeBlock} block
 * @returns {Promise<string | undefined>} what went wrong
 */
export async function runExample(page, block) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-example-"));
  try {
    const path = [commandDirectory(directory), process.env.PATH].join(delimiter);
    const work = join(directory, "work");
    mkdirSync(work);
    const [file, ...args] = await commandFor(page, block, directory);
    return await run(/** @type {string} */ (file), args, work, { ...process.env, PATH: path, HOME: work });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @param {string} directory */
function commandDirectory(directory) {
  const bin = join(directory, "bin");
  mkdirSync(bin);
  const program = join(repository, "apps/holdfast/dist/holdfast.cjs");
  writeFileSync(join(bin, "holdfast"), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(join(bin, "holdfast"), 0o755);
  return bin;
}

/**
 * @param {string} page
 * @param {import("./markdown.mjs").CodeBlock} block
 * @param {string} directory
 * @returns {Promise<string[]>}
 */
async function commandFor(page, { language, text }, directory) {
  if (language === "sh") {
    const script = join(directory, "example.sh");
    writeFileSync(script, text);
    return ["sh", "-eu", script];
  }
  if (language !== "ts") throw new Error(`no way to run an example in ${language === "" ? "no language" : language}`);
  // Bundled, so that it finds what the package that the page belongs to can import, itself included.
  const home = /^(packages|apps)\/[^/]+/.exec(page)?.[0] ?? "apps/holdfast";
  const outfile = join(directory, "example.mjs");
  await build({
    stdin: { contents: text, loader: "ts", resolveDir: join(repository, home), sourcefile: page },
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "silent",
  });
  return [process.execPath, outfile];
}

/**
 * @param {string} file
 * @param {readonly string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | undefined>}
 */
function run(file, args, cwd, env) {
  return new Promise((resolve) => {
    // A process group of its own, so that what the example left in the background can be ended with it.
    const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const limit = setTimeout(() => endGroup(child.pid), LIMIT_MS);
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => {
      clearTimeout(limit);
      endGroup(child.pid);
      if (code === 0) resolve(undefined);
      else resolve(`the example ended with ${signal ?? `exit code ${code}`}:\n${output.trimEnd()}`);
    });
  });
}

/** @param {number | undefined} pid */
function endGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ESRCH") throw error; // nothing was left
  }
}

// @ts-check
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { build } from "esbuild";
import { repository } from "./tree.mjs";

const LIMIT_MS = 60_000;
/** An install asks a registry elsewhere. */
const NPM_LIMIT_MS = 180_000;

/**
 * The examples of a page in the order in which they run: one marked `continued` goes on where the one before ended.
 *
 * @param {readonly import("./markdown.mjs").CodeBlock[]} blocks
 * @returns {import("./markdown.mjs").CodeBlock[][]}
 */
export function sessionsOf(blocks) {
  /** @type {import("./markdown.mjs").CodeBlock[][]} */
  const sessions = [];
  for (const block of blocks.filter(({ flags }) => flags.includes("test"))) {
    const last = sessions.at(-1);
    if (last !== undefined && block.flags.includes("continued")) last.push(block);
    else sessions.push([block]);
  }
  return sessions;
}

/**
 * @param {string} page
 * @param {import("./markdown.mjs").CodeBlock} block
 * @returns {Promise<string | undefined>} what went wrong
 */
export async function runExample(page, block) {
  return (await runSession(page, [block]))?.problem;
}

/**
 * Runs examples one after the other in a directory of their own, with `holdfast` on the PATH, and ends whatever they leave
 * running. Stops at the first that fails.
 *
 * @param {string} page
 * @param {readonly import("./markdown.mjs").CodeBlock[]} blocks
 * @param {string} [registry] - Where npm finds our packages.
 * @returns {Promise<{ line: number, problem: string } | undefined>} what went wrong
 */
export async function runSession(page, blocks, registry) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-example-"));
  try {
    const path = [commandDirectory(directory, registry), process.env.PATH].join(delimiter);
    const work = join(directory, "work");
    mkdirSync(work);
    const env = { ...process.env, PATH: path, HOME: work, ...npmEnvironment() };
    const limitMs = registry === undefined ? LIMIT_MS : NPM_LIMIT_MS;
    for (const block of blocks) {
      const problem = await runBlock(page, block, { directory, work, env, limitMs });
      if (problem !== undefined) return { line: block.line, problem };
    }
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * @param {string} page
 * @param {import("./markdown.mjs").CodeBlock} block
 * @param {{ directory: string, work: string, env: NodeJS.ProcessEnv, limitMs: number }} place
 * @returns {Promise<string | undefined>}
 */
async function runBlock(page, block, { directory, work, env, limitMs }) {
  try {
    const [file, ...args] = await commandFor(page, block, directory);
    return await run(/** @type {string} */ (file), args, { cwd: work, env, limitMs });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** HOME is the example's own, and what npm is told by the machine it shall still know. */
function npmEnvironment() {
  return {
    npm_config_userconfig: process.env.npm_config_userconfig ?? join(homedir(), ".npmrc"),
    npm_config_cache: process.env.npm_config_cache ?? join(homedir(), ".npm"),
    npm_config_prefer_offline: "true",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
  };
}

/**
 * @param {string} directory
 * @param {string | undefined} registry
 */
function commandDirectory(directory, registry) {
  const bin = join(directory, "bin");
  mkdirSync(bin);
  const program = join(repository, "apps/holdfast/dist/holdfast.cjs");
  writeFileSync(join(bin, "holdfast"), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(join(bin, "holdfast"), 0o755);
  if (registry !== undefined) {
    const real = `PATH="\${PATH#*:}"`;
    writeFileSync(join(bin, "npm"), `#!/bin/sh\n${real} exec npm "--@holdfast:registry=${registry}" "$@"\n`);
    chmodSync(join(bin, "npm"), 0o755);
  }
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
  const home = /^(packages|apps|tooling)\/[^/]+/.exec(page)?.[0] ?? "apps/holdfast";
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
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, limitMs: number }} options
 * @returns {Promise<string | undefined>}
 */
function run(file, args, { cwd, env, limitMs }) {
  return new Promise((resolve) => {
    // A process group of its own, so that what the example left in the background can be ended with it.
    const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const limit = setTimeout(() => endGroup(child.pid), limitMs);
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

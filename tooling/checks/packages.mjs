// @ts-check
/**
 * `node tooling/checks/packages.mjs [name…]`: each public package as those get it who install it. Packed, installed into an
 * empty strict TypeScript project, and its README's first TypeScript example compiled and run on the oldest and the newest
 * Node that are promised. The program is run as well. Needs the build.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { fetchNode, nodeVersions } from "../release/node-binary.mjs";
import { codeBlocks } from "./markdown.mjs";
import { manifestsIn, repository } from "./tree.mjs";

const EXAMPLE_LIMIT_MS = 60_000;
const INSTALL_LIMIT_MS = 180_000;

/** @typedef {{ name: string, directory: string, content: any, tarball: string }} Packed */

const { catalog } = parse(readFileSync(join(repository, "pnpm-workspace.yaml"), "utf8"));
const work = mkdtempSync(join(tmpdir(), "holdfast-packages-"));
const nodes = Object.entries(nodeVersions).map(([purpose, version]) => ({ purpose, version, ...fetchNode(version) }));

/**
 * @param {string} file
 * @param {readonly string[]} args
 * @param {string} cwd
 * @param {number} limitMs
 * @param {NodeJS.ProcessEnv} [env]
 */
function run(file, args, cwd, limitMs, env = process.env) {
  const result = spawnSync(file, args, { cwd, encoding: "utf8", timeout: limitMs, killSignal: "SIGKILL", env });
  const ended = result.error?.message ?? result.signal ?? result.status;
  return { ok: result.status === 0, status: result.status, output: `${result.stdout}${result.stderr}\n(${ended})` };
}

/**
 * As publishing does it: `workspace:` and `catalog:` become versions.
 *
 * @param {{ path: string, content: any }} manifest
 * @returns {Packed}
 */
function pack({ path, content }) {
  const directory = join(repository, dirname(path));
  const destination = join(work, "tarballs");
  const { packageManager } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  const packed = run(
    "npx",
    ["-y", packageManager, "pack", "--pack-destination", destination],
    directory,
    INSTALL_LIMIT_MS,
  );
  if (!packed.ok) throw new Error(`${content.name} cannot be packed:\n${packed.output}`);
  const file = `${content.name.replace("@", "").replace("/", "-")}-${content.version}.tgz`;
  return { name: content.name, directory, content, tarball: join(destination, file) };
}

/**
 * The packages of ours that one needs, itself first.
 *
 * @param {Packed} start
 * @param {readonly Packed[]} all
 */
function closure(start, all) {
  const found = new Set([start]);
  for (const { content } of found) {
    const names = Object.keys({
      ...content.dependencies,
      ...content.peerDependencies,
      ...content.optionalDependencies,
    });
    for (const other of all) if (names.includes(other.name)) found.add(other);
  }
  return [...found];
}

/** @param {string} code */
function importedPackages(code) {
  return [...code.matchAll(/\bfrom\s+["']([^."'][^"']*)["']/g)]
    .map((match) => match[1] ?? "")
    .filter((specifier) => !isBuiltin(specifier))
    .map((specifier) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/"));
}

/**
 * An empty project in which the package is the only thing that was installed.
 *
 * @param {Packed} subject
 * @param {readonly Packed[]} all
 * @param {string} example
 * @returns {string} its directory
 */
function project(subject, all, example) {
  const directory = join(work, subject.name.replaceAll(/[^a-z0-9-]/g, "_"));
  mkdirSync(directory);
  const ours = Object.fromEntries(closure(subject, all).map(({ name, tarball }) => [name, `file:${tarball}`]));
  const theirs = Object.fromEntries(
    ["typescript", "@types/node", ...importedPackages(example)]
      .filter((name) => all.every((other) => other.name !== name))
      .map((name) => [name, catalog[name] ?? "*"]),
  );
  writeFileSync(
    join(directory, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module", dependencies: { ...theirs, ...ours } }),
  );
  writeFileSync(
    join(directory, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "es2023",
        module: "nodenext",
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        verbatimModuleSyntax: true,
        types: ["node"],
      },
      files: ["example.ts"],
    }),
  );
  writeFileSync(join(directory, "example.ts"), example);
  const options = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  const installed = run("npm", ["install", ...options], directory, INSTALL_LIMIT_MS);
  if (!installed.ok) throw new Error(`npm install failed:\n${installed.output}`);
  return directory;
}

/**
 * @param {Packed} subject
 * @param {readonly Packed[]} all
 */
function checkLibrary(subject, all) {
  const readme = readFileSync(join(subject.directory, "README.md"), "utf8");
  const example = codeBlocks(readme).find(({ language }) => language === "ts")?.text;
  if (example === undefined) throw new Error("the README has no example in TypeScript");
  const directory = project(subject, all, example);
  const compiled = run(join(directory, "node_modules/.bin/tsc"), ["-p", "."], directory, EXAMPLE_LIMIT_MS);
  if (!compiled.ok) throw new Error(`the README's example does not compile:\n${compiled.output}`);
  for (const { version, binary } of nodes) {
    const ran = run(binary, ["example.js"], directory, EXAMPLE_LIMIT_MS);
    if (!ran.ok) throw new Error(`the README's example fails on Node ${version}:\n${ran.output}`);
  }
}

/**
 * @param {Packed} subject
 * @param {readonly Packed[]} all
 */
function checkProgram(subject, all) {
  const directory = project(subject, all, "export {};\n");
  const store = `dir://${join(directory, "store")}`;
  for (const { version, binary } of nodes) {
    // The program is found as npm left it, and started by the Node in question.
    const env = {
      ...process.env,
      PATH: `${dirname(binary)}:${join(directory, "node_modules/.bin")}:${process.env.PATH}`,
    };
    const args = ["run", "--service", "example", "--store", store, "--first-run", "--", "sh", "-c", "exit 7"];
    const ran = run("holdfast", args, directory, EXAMPLE_LIMIT_MS, env);
    if (ran.status !== 7)
      throw new Error(`holdfast run on Node ${version}: not the command's exit code:\n${ran.output}`);
  }
}

let failed = 0;
let passed = 0;
try {
  mkdirSync(join(work, "tarballs"));
  const published = manifestsIn(["packages", "apps"]).filter(({ content }) => content.private !== true);
  const all = published.map(pack);
  const wanted = process.argv.slice(2);
  for (const subject of all.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    try {
      // A library may have a program of its own beside what it exports.
      if (subject.content.exports === undefined) checkProgram(subject, all);
      else checkLibrary(subject, all);
      passed += 1;
      console.log(`ok    ${subject.name} on Node ${nodes.map(({ version }) => version).join(" and ")}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${subject.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

// @ts-check
/**
 * `node tooling/release/build-exe.mjs`: makes `dist/holdfast`, one file that needs neither Node nor npm: Node's own binary
 * with the bundles, their code caches and the native init inside. Needs the build. Prints what it made and refuses to
 * leave a file that does not keep what it promises.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { glibcFloor, readElfNeeds } from "./elf.mjs";
import { fetchNode, nodeVersions } from "./node-binary.mjs";
import { assertLoadsPlugins } from "./plugin-probe.mjs";

const require = createRequire(import.meta.url);
const repository = join(dirname(fileURLToPath(import.meta.url)), "../..");
const bundles = join(repository, "apps/holdfast/dist");
const output = join(repository, "dist/holdfast");

/** Debian 10, Ubuntu 18.10 and RHEL 8 have it. */
const GLIBC = "2.28";
/** Parts of glibc, and the C++ runtime, which every image that can install packages has. */
const LIBRARIES = /^(lib(c|m|dl|pthread|stdc\+\+|gcc_s)\.so\.\d+|ld-linux-.*)$/;
/** Where Node looks for what was embedded; part of its documented interface. */
const SEA_FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
const STARTS = 20;

/**
 * Flags for all our processes. They hold little and compute little, so memory and few threads count more than
 * throughput. V8 rejects a code cache made under other flags than it runs with; these do not matter to it. Loading a
 * plugin takes a part of Node that calls itself experimental, which an operator can do nothing about.
 */
const EXEC_ARGV = ["--max-semi-space-size=1", "--v8-pool-size=1", "--disable-warning=ExperimentalWarning"];

/** @param {string} path */
function required(path) {
  if (!existsSync(path)) throw new Error(`${path} is missing; run pnpm build first`);
  return path;
}

/**
 * Makes the executable out of a copy of Node.
 *
 * @param {string} node - The copy.
 * @param {string} work - Directory for intermediate files.
 */
function embed(node, work) {
  const init = required(join(repository, "packages/supervisor/native/dist/holdfast-init"));
  const digest = createHash("sha256").update(readFileSync(init)).digest("hex");
  writeFileSync(join(work, "holdfast-init.sha256"), digest);
  /** @type {Record<string, string>} */
  const assets = { "holdfast-init": init, "holdfast-init.sha256": join(work, "holdfast-init.sha256") };
  for (const name of ["lock", "storage", "controller", "cli"]) {
    const bundle = required(join(bundles, `${name}.cjs`));
    const cache = join(work, `${name}.cache`);
    execFileSync(node, [...EXEC_ARGV, join(repository, "tooling/release/code-cache.cjs"), bundle, cache]);
    assets[`${name}.cjs`] = bundle;
    assets[`${name}.cache`] = cache;
  }
  const blob = join(work, "holdfast.blob");
  const config = {
    main: required(join(bundles, "holdfast.cjs")),
    output: blob,
    useCodeCache: true,
    useSnapshot: false,
    disableExperimentalSEAWarning: true,
    execArgv: EXEC_ARGV,
    // NODE_OPTIONS in the environment is meant for the application, which may be a Node program itself.
    execArgvExtension: "none",
    assets,
  };
  writeFileSync(join(work, "sea.json"), JSON.stringify(config));
  quietly(node, ["--experimental-sea-config", join(work, "sea.json")]);
  const postject = require.resolve("postject/dist/cli.js");
  quietly(process.execPath, [postject, node, "NODE_SEA_BLOB", blob, "--sentinel-fuse", SEA_FUSE]);
  return node;
}

/**
 * Both tools say much that means nothing; it is shown when they fail.
 *
 * @param {string} file
 * @param {readonly string[]} args
 */
function quietly(file, args) {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")} failed:\n${stdout}${stderr}`);
}

/**
 * Symbols are of use to debuggers of V8 only, and are a fifth of the file.
 *
 * @param {string} binary
 * @param {string} work
 */
function stripped(binary, work) {
  const copy = join(work, "node");
  copyFileSync(binary, copy);
  const { error, status } = spawnSync("strip", [copy], { stdio: "ignore" });
  if (error !== undefined || status !== 0) console.log("strip (binutils) is missing: the executable stays larger");
  return copy;
}

/**
 * It must start in an image that knows nothing of Node.
 *
 * @param {string} file
 */
function assertPortable(file) {
  const { libraries, versions } = readElfNeeds(file);
  const foreign = libraries.filter((library) => !LIBRARIES.test(library));
  if (foreign.length > 0) throw new Error(`The executable needs ${foreign.join(", ")}, which not every system has.`);
  const floor = glibcFloor(versions);
  if (floor !== GLIBC) throw new Error(`The executable needs glibc ${floor}; the promise is ${GLIBC}.`);
}

/**
 * Node itself warns when it cannot use the main script's code cache.
 *
 * @param {string} file
 */
function versionOf(file) {
  const { stdout, stderr, status } = spawnSync(file, ["--version"], { encoding: "utf8" });
  if (status !== 0 || stderr !== "") throw new Error(`The executable does not start cleanly (${status}):\n${stderr}`);
  return stdout.trim();
}

/**
 * A rejected code cache costs only time, so it must be asked for.
 *
 * @param {string} file
 */
function assertCodeCachesAccepted(file) {
  const environment = { ...process.env, NODE_DEBUG: "holdfast-embedded" };
  for (const [name, args] of /** @type {const} */ ([
    ["cli", ["--help"]],
    ["lock", ["__lock"]],
  ])) {
    const { stderr } = spawnSync(file, args, { input: "", encoding: "utf8", env: environment, timeout: 10_000 });
    if (!stderr.includes(`${name}: code cache accepted`)) {
      throw new Error(`V8 did not take the code cache of ${name}.cjs:\n${stderr}`);
    }
  }
}

/**
 * @param {string} file
 * @returns {number} milliseconds from exec to exit, median
 */
function medianStartMs(file) {
  const samples = Array.from({ length: STARTS }, () => {
    const startedAt = process.hrtime.bigint();
    execFileSync(file, ["--version"]);
    return Number(process.hrtime.bigint() - startedAt) / 1e6;
  }).sort((a, b) => a - b);
  return /** @type {number} */ (samples[STARTS / 2]);
}

const { binary, license } = fetchNode(nodeVersions.lts);
const work = mkdtempSync(join(tmpdir(), "holdfast-exe-"));
try {
  const made = embed(stripped(binary, work), work);
  assertPortable(made);
  const version = versionOf(made);
  assertCodeCachesAccepted(made);
  assertLoadsPlugins(made, join(work, "plugins"));

  mkdirSync(dirname(output), { recursive: true });
  // Beside the target first: a running executable keeps its file.
  copyFileSync(made, `${output}.new`);
  renameSync(`${output}.new`, output);
  writeFileSync(
    join(dirname(output), "LICENSES.txt"),
    [join(repository, "LICENSE"), required(join(bundles, "THIRD-PARTY-LICENSES.txt")), license]
      .map((file) => readFileSync(file, "utf8"))
      .join(`\n${"=".repeat(80)}\n\n`),
  );

  const startMs = medianStartMs(output);
  console.log(`dist/${basename(output)}: holdfast ${version} on Node ${nodeVersions.lts}, linux-${process.arch}`);
  console.log(`  size         ${(statSync(output).size / 1e6).toFixed(1)} MB`);
  console.log(`  needs        glibc ${GLIBC} or newer, libstdc++`);
  console.log(`  --version    ${startMs.toFixed(1)} ms (median of ${STARTS})`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

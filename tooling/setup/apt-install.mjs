// @ts-check
/**
 * `node apt-install.mjs package…`, as root on Debian: says how large, installs, and starts no daemon meanwhile.
 * Run it under a lock: see system-packages.mjs.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

const POLICY = "/usr/sbin/policy-rc.d";
const OURS = "#!/bin/sh\n# Put here by the Holdfast set-up while it installs packages.\nexit 101\n";
const OPTIONS = ["-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Use-Pty=0"];
const ENVIRONMENT = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };

/** @param {string[]} args */
function aptGet(...args) {
  const { status, stdout, stderr } = spawnSync("apt-get", args, { encoding: "utf8", env: ENVIRONMENT });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}

/** @param {readonly string[]} names */
function simulate(names) {
  return aptGet("-s", ...OPTIONS, "install", ...names);
}

/**
 * What apt would tell a person before asking whether to go on.
 *
 * @param {readonly string[]} names
 */
function describe(names) {
  const options = OPTIONS.filter((option) => option !== "-y");
  const { output } = aptGet("--assume-no", "-o", "Debug::NoLocking=1", ...options, "install", ...names);
  return output.split("\n").filter((line) => /newly installed|^Need to get|^After this operation/.test(line));
}

/**
 * No daemon may start: the machine may run one of its own, and the tests start theirs.
 *
 * @template T
 * @param {() => T} install
 * @returns {T}
 */
function withoutDaemons(install) {
  const before = existsSync(POLICY)
    ? { content: readFileSync(POLICY, "utf8"), mode: statSync(POLICY).mode }
    : undefined;
  // Left by a set-up that was killed: whoever runs now is alone, thanks to the lock, so it is nobody's.
  const foreign = before !== undefined && before.content !== OURS ? before : undefined;
  writePolicy(OURS, 0o755);
  try {
    return install();
  } finally {
    if (foreign === undefined) rmSync(POLICY, { force: true });
    else writePolicy(foreign.content, foreign.mode);
  }
}

/**
 * @param {string} content
 * @param {number} mode
 */
function writePolicy(content, mode) {
  const temporary = `${POLICY}.holdfast`;
  writeFileSync(temporary, content);
  chmodSync(temporary, mode & 0o7777);
  renameSync(temporary, POLICY);
}

/** @param {readonly string[]} names */
function installAvailable(names) {
  const wanted = simulate(names).ok ? names : names.filter((name) => simulate([name]).ok);
  const unavailable = names.filter((name) => !wanted.includes(name));
  if (unavailable.length > 0) console.log(`setup: not available here: ${unavailable.join(" ")}`);
  if (wanted.length === 0) return { ok: false, output: "" };
  for (const line of describe(wanted)) console.log(`setup:   ${line.trim()}`);
  return withoutDaemons(() => aptGet(...OPTIONS, "install", ...wanted));
}

function updateLists() {
  console.log("setup: apt-get update");
  const update = aptGet("update", "-o", "DPkg::Lock::Timeout=600");
  if (!update.ok) console.log(update.output);
}

// ^C would take this process away between the two policies; apt gets the signal too and ends by itself.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, () => undefined);

const names = process.argv.slice(2);
const startedAt = Date.now();
const listsAreEmpty = !readdirSync("/var/lib/apt/lists").some((file) => file.includes("_Packages"));
let updated = listsAreEmpty || !simulate(names).ok;
if (updated) updateLists();
let result = installAvailable(names);
if (!result.ok && !updated && /404|Unable to fetch|Hash Sum mismatch/.test(result.output)) {
  // The lists are older than the mirror: the files that they name are no longer there.
  updateLists();
  updated = true;
  result = installAvailable(names);
}
if (result.ok) {
  console.log(`setup: installed in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
} else {
  console.log(result.output.split("\n").slice(-30).join("\n"));
  process.exitCode = 1;
}

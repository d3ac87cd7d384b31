// @ts-check
/**
 * `node leftovers.mjs --remember FILE`, later `node leftovers.mjs --since FILE`: what a run of `.ci/run` has left on the
 * machine. Processes, mounts and loop devices are ours when they carry the run's name (HOLDFAST_CI_RUN, also the
 * directory of all its temporary files); networks are ours when they are new, named like ours, and nobody owns them.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const run = process.env.HOLDFAST_CI_RUN;
const [mode, file] = process.argv.slice(2);
if (run === undefined || file === undefined || (mode !== "--remember" && mode !== "--since")) {
  console.error("usage: HOLDFAST_CI_RUN=DIRECTORY leftovers.mjs --remember|--since FILE");
  process.exit(64);
}

/**
 * A process may end between two looks.
 *
 * @param {string} path
 */
function readProc(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** @param {number} pid */
function parentOf(pid) {
  return Number(/^PPid:\s+(\d+)$/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** This process and those that started it. */
function ancestors() {
  const chain = [];
  for (let pid = process.pid; pid > 0; pid = parentOf(pid)) chain.push(pid);
  return chain;
}

function processesLeft() {
  const own = ancestors();
  return (
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && !own.includes(Number(name)))
      // What `.ci/run` itself runs beside this check, such as the tail that shows its output.
      .filter((pid) => String(parentOf(Number(pid))) !== process.env.HOLDFAST_CI_PID)
      .filter((pid) => readProc(`/proc/${pid}/environ`).split("\0").includes(`HOLDFAST_CI_RUN=${run}`))
      .filter((pid) => !/^State:\s+[ZX]/m.test(readProc(`/proc/${pid}/status`)))
      .map((pid) => `process ${pid}: ${readProc(`/proc/${pid}/cmdline`).replaceAll("\0", " ").slice(0, 200)}`)
  );
}

function mountsLeft() {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mountPoint) => mountPoint.startsWith(`${run}/`))
    .map((mountPoint) => `mount ${mountPoint}`);
}

function loopDevicesLeft() {
  return readdirSync("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .map((name) => ({ name, backing: readProc(join("/sys/block", name, "loop/backing_file")).trim() }))
    .filter(({ backing }) => backing.startsWith(`${run}/`))
    .map(({ name, backing }) => `loop device ${name} on ${backing}`);
}

/** Namespaces and bridges that tests and `holdfast dev` name hf<n>… and hd<n>…. */
function networks() {
  const namespaces = existsSync("/run/netns")
    ? readdirSync("/run/netns").map((name) => `network namespace ${name}`)
    : [];
  const interfaces = readdirSync("/sys/class/net").map((name) => `network interface ${name}`);
  return [...namespaces, ...interfaces].filter((name) => / h[fd]\d+/.test(name));
}

/**
 * The bridge's alias names the process that owns the network: another person's, as long as it lives.
 *
 * @param {string} network
 */
function isOwned(network) {
  const bridge = /\b(h[fd]\d+)/.exec(network)?.[1];
  const alias = readProc(`/sys/class/net/${bridge}br/ifalias`);
  const owner = /^holdfast-\w+ (\d+) /.exec(alias)?.[1];
  return owner !== undefined && existsSync(`/proc/${owner}`) && !processCarriesRun(owner);
}

/** @param {string} pid */
function processCarriesRun(pid) {
  return readProc(`/proc/${pid}/environ`).split("\0").includes(`HOLDFAST_CI_RUN=${run}`);
}

if (mode === "--remember") {
  writeFileSync(file, JSON.stringify(networks()));
} else {
  const before = JSON.parse(readFileSync(file, "utf8"));
  const newNetworks = networks().filter((name) => !before.includes(name) && !isOwned(name));
  const left = [...processesLeft(), ...mountsLeft(), ...loopDevicesLeft(), ...newNetworks];
  for (const entry of left) console.error(`left behind: ${entry}`);
  if (left.length === 0) console.log("nothing was left behind");
  process.exitCode = left.length > 0 ? 1 : 0;
}

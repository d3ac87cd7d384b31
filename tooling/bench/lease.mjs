// @ts-check
/**
 * `pnpm bench:lease [--part NAME]… [--write]`: measures the built executable and the lease library on real servers, side
 * by side with what others use, and with --write puts the result into docs/reference/benchmarks.md.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startZooKeeper, startZooKeeperEnsemble } from "@holdfast/testkit";
import { startPeers } from "./lib/peers.mjs";
import { footprint } from "./parts/footprint.mjs";
import { handover } from "./parts/handover.mjs";
import { renewals } from "./parts/renewals.mjs";
import { startToChild } from "./parts/start-to-child.mjs";
import { takeover } from "./parts/takeover.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const report = join(root, "docs/reference/benchmarks.md");
const PARTS = ["start", "takeover", "footprint", "handover", "renewals"];
const { values: flags } = parseArgs({
  options: {
    part: { type: "string", multiple: true, default: PARTS },
    write: { type: "boolean", default: false },
    holders: { type: "string", default: "5000" },
  },
});
const executable = join(root, "dist/holdfast");
if (!existsSync(executable)) {
  console.error("bench: dist/holdfast is missing; run pnpm build:exe");
  process.exit(66);
}

const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const volume = join(directory, "volume");
const server = await startZooKeeper({ tickMs: 2_000, minSessionMs: 4_000, maxSessionMs: 60_000 });
const hosts = `${server.host}:${server.port}`;
const peers = await startPeers({ hosts, directory });
/** @type {any[]} */
const sections = [];

/** @param {string} service @param {number} leaseMs @param {string} agent @param {readonly string[]} more */
const holdfast = (service, leaseMs, agent, more = []) => {
  const timing =
    leaseMs === 30_000
      ? []
      : ["--lease-ms", String(leaseMs), "--renew-ms", "300", "--stop-budget-ms", "500", "--margin-ms", "500"];
  const status = join(directory, `${service}-${agent}.sock`);
  return [
    executable,
    "run",
    "--service",
    service,
    "--store",
    `zookeeper://${hosts}`,
    "--agent",
    agent,
    "--first-run",
    "--wait",
    "--status-socket",
    status,
    ...timing,
    ...more,
    "--",
  ];
};

try {
  prepareVolume("footprint", volume);
  if (flags.part.includes("start")) {
    const startVolume = join(directory, "start-volume");
    prepareVolume("start", startVolume);
    const wrappers = [
      { name: "holdfast run", argv: () => holdfast("start-process", 30_000, "a") },
      { name: "holdfast run --volume", argv: () => holdfast("start", 30_000, "a", ["--volume", startVolume]) },
      ...peers.wrappers,
    ];
    await add(() => startToChild({ wrappers }));
  }
  if (flags.part.includes("takeover")) await add(() => takeover({ holdfast, leaseMs: 3_000 }));
  if (flags.part.includes("footprint")) await add(() => footprint({ holdfast, volume }));
  if (flags.part.includes("handover")) {
    await add(() => handover({ servers: [{ host: server.host, port: server.port }], peers: peers.handovers }));
  }
  if (flags.part.includes("renewals")) await add(withEnsemble);
} finally {
  await peers.stop();
  await server.dispose();
  rmSync(directory, { recursive: true, force: true });
}
if (flags.write) writeFileSync(report, render());

async function withEnsemble() {
  const ensemble = await startZooKeeperEnsemble({
    tickMs: 2_000,
    minSessionMs: 4_000,
    maxSessionMs: 60_000,
    settings: { maxClientCnxns: "0" },
  });
  try {
    return await renewals({ ensemble, holders: Number(flags.holders) });
  } finally {
    await ensemble.dispose();
  }
}

/** @param {() => Promise<any>} part */
async function add(part) {
  const section = { ...(await part()), load: loadavg()[0] };
  sections.push(section);
  console.log(`\n${markdown(section)}`);
}

/** @param {string} service @param {string} path */
function prepareVolume(service, path) {
  spawnSync("mkdir", ["-p", path]);
  const { status, stderr } = spawnSync(executable, ["volume", "init", path, "--service", service], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
}

/** @param {any} section */
function markdown({ title, note, head, rows, load }) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |`;
  const table = [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
  return `## ${title}\n\n${note} Load average at the end: ${load.toFixed(1)}.\n\n${table}\n`;
}

function render() {
  const version = JSON.parse(readFileSync(join(root, "apps/holdfast/package.json"), "utf8")).version;
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  const missing = peers.missing.length === 0 ? "" : ` Not installed, so not compared: ${peers.missing.join(", ")}.`;
  return [
    "# Benchmarks of the lease",
    "",
    "Written by `pnpm bench:lease`; do not edit. The machine is shared and noisy: compare within a table, and read medians and ratios.",
    "",
    `Date ${new Date().toISOString().slice(0, 10)}; holdfast ${version}; ${machine}; Node ${process.version} for the harness; ${peers.versions.join("; ")}.${missing}`,
    "",
    ...sections.map(markdown),
  ].join("\n");
}

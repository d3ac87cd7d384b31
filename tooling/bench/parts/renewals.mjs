// @ts-check
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuMs } from "../lib/processes.mjs";
import { number, summarise } from "../lib/stats.mjs";

const WORKERS = 2;
const SESSIONS = 50;
const DURATION_MS = 45_000;
const worker = join(dirname(fileURLToPath(import.meta.url)), "renewal-worker.mjs");

/**
 * Many holders renewing at the default rate against a real ensemble of three.
 * @param {{ readonly ensemble: import("../lib/types.js").ZooKeeperEnsemble, readonly holders: number }} given
 * @returns {Promise<import("../lib/types.js").Section>}
 */
export async function renewals({ ensemble, holders }) {
  const leasesPerSession = Math.round(holders / WORKERS / SESSIONS);
  const workers = Array.from({ length: WORKERS }, (_, index) =>
    startWorker(ensemble.addresses, leasesPerSession, index),
  );
  await Promise.all(workers.map((w) => w.ready));
  const before = ensemble.servers.map((server) => cpuMs(server.pid ?? 0));
  const startedAt = performance.now();
  for (const w of workers) w.go();
  const results = await Promise.all(workers.map((w) => w.result));
  const elapsedMs = performance.now() - startedAt;
  const cpu = ensemble.servers.map((server, i) => ((cpuMs(server.pid ?? 0) - (before[i] ?? 0)) / elapsedMs) * 100);
  const latencies = results.flatMap((r) => r.latencies);
  const s = summarise(latencies);
  const missed = results.reduce((sum, r) => sum + r.missed, 0);
  const lost = results.reduce((sum, r) => sum + r.lost, 0);
  const count = WORKERS * SESSIONS * leasesPerSession;
  const writesPerSecond = latencies.length / (elapsedMs / 1000);
  return {
    title: `${count} holders against an ensemble of three`,
    note: `Renewals every 3 s for ${DURATION_MS / 1000} s, over ${WORKERS * SESSIONS} sessions of ${WORKERS} processes; servers, holders and everything else share this machine. A renewal is missed when it is not confirmed before the next one is due.`,
    head: ["measure", "value"],
    rows: [
      ["renewals confirmed", String(latencies.length)],
      ["renewals per second", number(writesPerSecond, 0)],
      ["store writes per second and service", number(writesPerSecond / count, 3)],
      ["renewal median, ms", number(s.median)],
      ["renewal p99, ms", number(s.p99)],
      ["missed", String(missed)],
      ["lost", String(lost)],
      [
        "event-loop delay of the holders' processes p99, ms",
        results.map((r) => number(r.eventLoopDelayMsP99)).join(" / "),
      ],
      ["CPU of the three servers, % of a core", cpu.map((c) => number(c, 0)).join(" / ")],
    ],
  };
}

/** @param {string} addresses @param {number} leasesPerSession @param {number} index */
function startWorker(addresses, leasesPerSession, index) {
  const servers = addresses.split(",").map((address) => {
    const [host = "", port] = address.split(":");
    return { host, port: Number(port) };
  });
  const work = { servers, sessions: SESSIONS, leasesPerSession, durationMs: DURATION_MS, worker: index };
  const child = spawn(process.execPath, [worker, JSON.stringify(work)], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  /** @type {() => void} */
  let onReady = () => undefined;
  const ready = new Promise((resolve) => {
    onReady = () => resolve(undefined);
  });
  const result = new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.startsWith("ready\n")) onReady();
    });
    child.once("close", (code) => {
      const line = text.slice("ready\n".length);
      if (code === 0 && line.endsWith("\n")) resolve(JSON.parse(line));
      else reject(new Error(`a worker ended with ${code} after ${line.length} characters of its result`));
    });
  });
  return { ready, result, go: () => child.stdin.write("go\n") };
}

// @ts-check
import { setTimeout as sleep } from "node:timers/promises";
import { startWrapper, TIMED_CHILD } from "../lib/holder.mjs";
import { commandOf, cpuMs, descendants, isAlive, pssMb } from "../lib/processes.mjs";
import { number } from "../lib/stats.mjs";

const IDLE_MS = 60_000;
const SETTLE_MS = 5_000;

/**
 * Memory and idle processor time of everything of ours around one application, with the default lease.
 * @param {{ readonly holdfast: import("../lib/types.js").HoldfastCommand, readonly volume: string }} given
 * @returns {Promise<import("../lib/types.js").Section>}
 */
export async function footprint({ holdfast, volume }) {
  const holder = startWrapper([...holdfast("footprint", 30_000, "a", ["--volume", volume]), ...TIMED_CHILD]);
  await holder.childStartedAtMs;
  await sleep(SETTLE_MS);
  const ours = descendants(holder.pid).filter((pid) => isAlive(pid) && !commandOf(pid).startsWith("sleep 600"));
  const before = new Map(ours.map((pid) => [pid, cpuMs(pid)]));
  const startedAt = performance.now();
  await sleep(IDLE_MS);
  const elapsedMs = performance.now() - startedAt;
  // A volume probe that happened to run is gone by now; its time is in what its parent reaped.
  const rows = ours.filter(isAlive).map((pid) => {
    const used = cpuMs(pid) - (before.get(pid) ?? 0);
    return { name: roleOf(pid, holder.pid), pss: pssMb(pid), cpu: (used / elapsedMs) * 100 };
  });
  await holder.end("SIGTERM");
  const pss = rows.reduce((sum, row) => sum + row.pss, 0);
  const cpu = rows.reduce((sum, row) => sum + row.cpu, 0);
  return {
    title: "Footprint of one run",
    note: `Proportional set size, and processor time over ${IDLE_MS / 1000} idle seconds with the default lease (renewal every 3 s) and a guarded volume (probe every 5 s).`,
    head: ["process", "PSS MB", "CPU % of a core"],
    rows: [
      ...rows.map((r) => [r.name, number(r.pss), number(r.cpu, 2)]),
      ["**all**", `**${number(pss)}**`, `**${number(cpu, 2)}**`],
    ],
  };
}

/** @param {number} pid @param {number} guard */
function roleOf(pid, guard) {
  if (pid === guard) return "guard";
  const command = commandOf(pid);
  if (command.includes("__lock") || command === "holdfast-lock") return "lock process";
  return command.includes("holdfast-init") ? "sentry or init" : command.slice(0, 40);
}

// @ts-check

import { startWrapper, TIMED_CHILD } from "../lib/holder.mjs";
import { commandOf, descendants, sendSignal } from "../lib/processes.mjs";
import { number, realtimeMs, summarise } from "../lib/stats.mjs";

/**
 * From the end of a holder, in each way that it can end, to the first instruction of the waiting candidate's child.
 */
/** @type {readonly { name: string, rounds: number, end: (holder: { pid: number }) => void }[]} */
const ENDS = [
  { name: "clean stop (TERM to the guard)", rounds: 10, end: (h) => process.kill(h.pid, "SIGTERM") },
  { name: "application killed (-9)", rounds: 10, end: (h) => process.kill(application(h.pid), "SIGKILL") },
  { name: "guard killed (-9)", rounds: 10, end: (h) => process.kill(h.pid, "SIGKILL") },
  { name: "all of it killed (-9)", rounds: 3, end: (h) => signalAll(h.pid, "SIGKILL", true) },
  { name: "all wrapper processes stopped", rounds: 3, end: (h) => signalAll(h.pid, "SIGSTOP", false) },
];

/**
 * @param {{ readonly holdfast: import("../lib/types.js").HoldfastCommand, readonly leaseMs: number }} given
 * @returns {Promise<import("../lib/types.js").Section>}
 */
export async function takeover({ holdfast, leaseMs }) {
  const rows = [];
  for (const { name, rounds, end } of ENDS) {
    const times = [];
    for (let round = 0; round < rounds; round++) {
      const service = `takeover-${name.replaceAll(/[^a-z]+/g, "")}`.slice(0, 40);
      const holder = startWrapper([...holdfast(service, leaseMs, "a"), ...TIMED_CHILD]);
      await holder.childStartedAtMs;
      const candidate = startWrapper([...holdfast(service, leaseMs, "b"), ...TIMED_CHILD]);
      await candidate.said(/waiting/i);
      const processes = descendants(holder.pid);
      const at = realtimeMs();
      end(holder);
      times.push((await candidate.childStartedAtMs) - at);
      for (const pid of processes) sendSignal(pid, "SIGCONT");
      await holder.exited();
      await candidate.end("SIGTERM");
    }
    const s = summarise(times);
    rows.push([name, number(s.median), number(s.p99), String(s.n)]);
  }
  return {
    title: `Takeover (lease ${leaseMs} ms)`,
    note: "From the end of the holder to the first instruction of the waiting candidate's child, milliseconds. The last two wait for the lease: its length, one per cent and the guard time.",
    head: ["end", "median", "p99", "n"],
    rows,
  };
}

/** @param {number} guard */
function application(guard) {
  const found = descendants(guard).find((pid) => commandOf(pid).startsWith("sleep 600"));
  if (found === undefined) throw new Error("the holder has no application");
  return found;
}

/** @param {number} guard @param {NodeJS.Signals} signal @param {boolean} applicationToo */
function signalAll(guard, signal, applicationToo) {
  const app = application(guard);
  for (const pid of descendants(guard)) if (applicationToo || pid !== app) sendSignal(pid, signal);
}

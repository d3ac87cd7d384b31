// @ts-check
import { acquireLease } from "@holdfast/coordination";
import { DEFAULT_LEASE_TIMING } from "@holdfast/core";
import { leaseContext, openZooKeeper } from "../lib/lease-client.mjs";
import { number, summarise } from "../lib/stats.mjs";

const HANDOVERS = 50;

/**
 * From one candidate's release to the next one's grant, with many waiting; each with a session of its own.
 * @param {{ readonly servers: readonly { host: string, port: number }[], readonly peers: readonly import("../lib/types.js").HandoverPeer[] }} given
 * @returns {Promise<import("../lib/types.js").Section>}
 */
export async function handover({ servers, peers }) {
  const rows = [];
  for (const candidates of [10, 200]) {
    const values = await ours(servers, candidates);
    const s = summarise(values);
    rows.push(["holdfast lease (library)", String(candidates), number(s.median), number(s.p99), String(s.n)]);
    for (const peer of peers) {
      const p = summarise(await peer.handover(candidates, HANDOVERS));
      rows.push([peer.name, String(candidates), number(p.median), number(p.p99), String(p.n)]);
    }
  }
  return {
    title: "Hand-over among waiting candidates",
    note: "From release to the next holder's grant, milliseconds. Ours is two quorum writes (release, takeover); a lock made of ephemeral nodes is one delete.",
    head: ["lock", "candidates", "median", "p99", "n"],
    rows,
  };
}

/** @param {readonly { host: string, port: number }[]} servers @param {number} candidates */
async function ours(servers, candidates) {
  const service = `handover-${candidates}-${process.pid}`;
  const stop = new AbortController();
  /** @type {number[]} */
  const times = [];
  let releasedAt = Number.NaN;
  let left = HANDOVERS + 1;
  /** @type {() => void} */
  let done = () => undefined;
  const finished = new Promise((resolve) => {
    done = () => resolve(undefined);
  });
  const stores = [];
  for (let i = 0; i < candidates; i++) stores.push(await openZooKeeper(servers, 6_000));
  const all = stores.map(async (store) => {
    const context = leaseContext(store, service, DEFAULT_LEASE_TIMING);
    while (!stop.signal.aborted) {
      let acquired;
      try {
        acquired = await acquireLease(context, {
          volume: null,
          firstRun: true,
          leaseMsMax: DEFAULT_LEASE_TIMING.leaseMs,
          wait: { kind: "wait", limitMs: null },
          signal: stop.signal,
        });
      } catch (error) {
        if (stop.signal.aborted) return;
        throw error;
      }
      if (!Number.isNaN(releasedAt)) times.push(performance.now() - releasedAt);
      if (--left <= 0) {
        done();
        return;
      }
      // Let the others settle into the queue, so that only the hand-over is measured.
      await new Promise((resolve) => setTimeout(resolve, 50));
      releasedAt = performance.now();
      await acquired.lease.release({ kind: "released" }, null, stop.signal);
    }
  });
  await Promise.race([finished, ...all]);
  await finished;
  stop.abort();
  await Promise.allSettled(all);
  await Promise.all(stores.map((store) => store.close()));
  return times;
}

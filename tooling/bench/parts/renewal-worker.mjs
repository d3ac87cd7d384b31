// @ts-check
/** Holds and renews many leases; `argv[2]` is its part of the work as JSON. Prints one line of JSON at the end. */
import { setMaxListeners } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { acquireLease } from "@holdfast/coordination";
import { cutDeadline, DEFAULT_LEASE_TIMING, isReached } from "@holdfast/core";
import { readInstant } from "@holdfast/effects";
import { leaseContext, openZooKeeper } from "../lib/lease-client.mjs";

const { servers, sessions, leasesPerSession, durationMs, worker } = JSON.parse(process.argv[2] ?? "{}");
const timing = DEFAULT_LEASE_TIMING;
const never = new AbortController().signal;
// Thousands of calls share it, which is what this benchmark is about.
setMaxListeners(0, never);
const delay = monitorEventLoopDelay({ resolution: 20 });

const holders = [];
for (let s = 0; s < sessions; s++) {
  const store = await openZooKeeper(servers, 6_000);
  const contexts = Array.from({ length: leasesPerSession }, (_, i) =>
    leaseContext(store, `renew-${worker}-${s}-${i}`, timing),
  );
  const acquired = await Promise.all(
    contexts.map((context) =>
      acquireLease(context, {
        volume: null,
        firstRun: true,
        leaseMsMax: timing.leaseMs,
        wait: { kind: "none" },
        signal: never,
      }),
    ),
  );
  holders.push(...acquired);
}
process.stdout.write("ready\n");
await new Promise((resolve) => process.stdin.once("data", resolve));

/** @type {number[]} */
const latencies = [];
let missed = 0;
let lost = 0;
delay.enable();
const endAt = performance.now() + durationMs;
await Promise.all(
  holders.map(async ({ lease }, index) => {
    // The first renewal only brings up to date what was acquired while the others still were acquiring.
    let deadline = cutDeadline(readInstant(), timing);
    let dueAt = performance.now() + (index / holders.length) * timing.renewMs;
    while (dueAt < endAt) {
      await sleep(Math.max(0, dueAt - performance.now()));
      const sentAt = performance.now();
      const result = await lease.renew(cutDeadline(readInstant(), timing), never);
      const tookMs = performance.now() - sentAt;
      if (result.kind === "lost") lost += 1;
      if (result.kind === "confirmed") {
        latencies.push(tookMs);
        // Missed: not confirmed before the next one was due, or the deadline had passed.
        if (tookMs > timing.renewMs || isReached(deadline, readInstant())) missed += 1;
        deadline = cutDeadline(result.stamp, timing);
      } else missed += 1;
      dueAt += timing.renewMs;
    }
  }),
);
const result = { latencies, missed, lost, eventLoopDelayMsP99: delay.percentile(99) / 1e6 };
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

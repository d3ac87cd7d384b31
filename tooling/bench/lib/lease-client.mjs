// @ts-check
import { createZooKeeperStore } from "@holdfast/coordination";
import { storePaths } from "@holdfast/core";
import { readMachineIdentity, systemClock } from "@holdfast/effects";

const machine = readMachineIdentity();

/** @param {readonly { host: string, port: number }[]} servers @param {number} silenceMs */
export async function openZooKeeper(servers, silenceMs) {
  const store = createZooKeeperStore({ servers, silenceMs, sessionTimeoutMs: 30_000 });
  await store.open({ timeoutMs: 30_000 });
  return store;
}

/** @param {import("@holdfast/core").CoordinationStore} store @param {string} service @param {import("@holdfast/core").LeaseTiming} timing */
export function leaseContext(store, service, timing) {
  return {
    store,
    paths: { lease: storePaths.lease(service), history: storePaths.history(service), queue: storePaths.queue(service) },
    identity: { service, agent: "bench", ...machine, pid: process.pid, task: null },
    timing,
    clock: systemClock,
  };
}

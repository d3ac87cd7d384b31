import { HoldfastError, hasCode, type Op, type Volume } from "@holdfast/core";
import type { NbdOptions } from "../options.js";
import { PROGRAM } from "./client-command.js";
import { awaitGone, clientsOf, killClients, type RunningClient } from "./clients.js";
import { clientMounts, deviceRoot } from "./device.js";
import { deviceBelow, mountAt, takeOff } from "./mounted.js";

const SHORT_MS = 10_000;
const KILL_MS = 5_000;
const GOODBYE_MS = 5_000;

/** Disconnects, so that the server sees nobody any more; what does not go by itself is killed. */
export async function release(op: Op, volume: Volume, options: NbdOptions): Promise<void> {
  const clients = await clientsOf(op, options);
  await refuseMounted(op, volume, clients);
  try {
    for (const client of clients) await sayGoodbye(op, client);
    await awaitGone(op, clients, GOODBYE_MS);
  } catch (error) {
    // BUSY: a file is still open on a file system that was taken off because its connection was dead.
    if (!hasCode(error, "UNKNOWN_OUTCOME", "BUSY")) throw error;
    await killClients(op, clients, KILL_MS);
  }
  for (const { mountPoint } of await clientMounts(op, volume)) {
    await takeOff(op, mountPoint, { lazy: true, busyMs: 0 });
  }
  await removeDirectories(op, volume);
}

/** nbdfuse disconnects when its directory is unmounted; the others at SIGTERM. */
async function sayGoodbye(op: Op, { kind, pid, device }: RunningClient): Promise<void> {
  if (kind === "nbdfuse") {
    await takeOff(op, device.slice(0, device.lastIndexOf("/")), { lazy: false, busyMs: GOODBYE_MS });
    return;
  }
  if (kind === "kernel") await op.exec(PROGRAM.kernel, ["-d", device], { timeoutMs: SHORT_MS });
  else await op.exec("kill", ["-TERM", String(pid)], { timeoutMs: SHORT_MS, okExitCodes: [0, 1] });
}

async function refuseMounted(op: Op, volume: Volume, clients: readonly RunningClient[]): Promise<void> {
  const mounted = await mountAt(op, volume.mountPath);
  if (mounted === undefined) return;
  const below = await deviceBelow(op, mounted);
  if (!clients.some(({ device }) => device === below)) return;
  throw new HoldfastError("BUSY", `${volume.mountPath} is still mounted.`, {
    hint: "Unmount it first; release only disconnects.",
    retryable: true,
  });
}

async function removeDirectories(op: Op, volume: Volume): Promise<void> {
  const root = deviceRoot(op, volume);
  for (const name of (await op.files.list(root)) ?? []) {
    for (const file of (await op.files.list(`${root}/${name}`)) ?? []) await op.files.remove(`${root}/${name}/${file}`);
    await op.files.remove(`${root}/${name}`);
  }
  await op.files.remove(root);
}

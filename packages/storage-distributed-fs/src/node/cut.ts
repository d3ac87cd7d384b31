import { type CutResult, HoldfastError, hasCode, type Op } from "@holdfast/core";
import type { Bound } from "../volume.js";
import { abortConnection } from "./fuse-connection.js";
import { leftoverClients } from "./leftovers.js";
import { findMount } from "./mounts.js";
import { killSocket, orphans } from "./sockets.js";

const POLL_MS = 20;
/** From SIGKILL to the client's last thread gone, its sockets closed. */
const GONE_MS = 1_500;
const UMOUNT_MS = 1_000;
/** From the decision that it took too long to the caller's having the answer. */
const ANSWER_MS = 250;

/**
 * What is left of this volume's client on this agent, from the inside out: the kernel's connection to it, the client, and last the
 * sockets that the dead client left behind, in whose send buffers the kernel keeps its data until the network heals.
 */
export async function cutClient(op: Op, bound: Bound): Promise<CutResult> {
  const limitMs = bound.driver.capabilities(bound.volume.options).cutMsMax - ANSWER_MS;
  const over = new AbortController();
  const limit = op.clock
    .sleep(limitMs, over.signal)
    .then((): CutResult => ({ kind: "incomplete", needsFence: `the cut did not end within ${limitMs} ms` }));
  try {
    return await Promise.race([cutAll(op, bound), limit]);
  } finally {
    limit.catch(() => undefined); // the abort that ends the wait
    over.abort();
  }
}

async function cutAll(op: Op, bound: Bound): Promise<CutResult> {
  const evidence: string[] = [];
  try {
    const mount = await findMount(op, bound, bound.volume.mountPath);
    if (mount !== undefined) {
      if (mount.fsType.startsWith("fuse")) evidence.push(await abortConnection(op, mount));
      await op.exec("umount", ["--lazy", "--no-canonicalize", mount.mountPoint], { timeoutMs: UMOUNT_MS });
      if (!mount.fsType.startsWith("fuse"))
        return { kind: "incomplete", needsFence: `the kernel's own client (${mount.fsType}) may still write back` };
    }
    evidence.push(await endClients(op, bound));
    evidence.push(await cutSockets(op, bound));
  } catch (error) {
    // What cannot be seen may still write: the successor needs the servers' word.
    if (!hasCode(error, "UNKNOWN_OUTCOME", "INTERNAL", "NOT_FOUND")) throw error;
    return { kind: "incomplete", needsFence: `the cut could not be finished: ${(error as Error).message}` };
  }
  return { kind: "cut", evidence: evidence.join("; ") };
}

async function endClients(op: Op, bound: Bound): Promise<string> {
  let left = await leftoverClients(op, bound);
  if (left.length === 0) return "no client process is left";
  const ended = left.join(" ");
  const deadlineMs = op.clock.now().monoMs + GONE_MS;
  while (left.length > 0) {
    // 1: it ended between the look and the kill.
    await op.exec("kill", ["-KILL", ...left.map(String)], { timeoutMs: GONE_MS, okExitCodes: [0, 1] });
    if (op.clock.now().monoMs > deadlineMs) throw stays(`client process ${left.join(" ")} outlives SIGKILL`);
    await op.clock.sleep(POLL_MS);
    left = await leftoverClients(op, bound);
  }
  return `client process ${ended} killed`;
}

async function cutSockets(op: Op, { driver, volume }: Bound): Promise<string> {
  const peers = driver.peers(volume.options);
  const found = await orphans(op, peers);
  for (const socket of found) await killSocket(op, socket);
  const left = await orphans(op, peers);
  if (left.length > 0) throw stays(`${left.length} orphaned sockets to the servers cannot be killed`);
  const bytes = found.reduce((sum, { sendQueueBytes }) => sum + sendQueueBytes, 0);
  return found.length === 0
    ? "no orphaned socket leads to the servers"
    : `${found.length} orphaned sockets to the servers killed, ${bytes} bytes were still to be sent; none is left`;
}

function stays(what: string): HoldfastError {
  return new HoldfastError("UNKNOWN_OUTCOME", what, { hint: "A successor needs a fence receipt.", retryable: true });
}

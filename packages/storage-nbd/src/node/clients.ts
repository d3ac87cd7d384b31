import { HoldfastError, type Op } from "@holdfast/core";
import type { ClientKind, NbdOptions } from "../options.js";
import { CLIENT_COMMS, type ClientTarget, parseClient } from "./client-command.js";

export interface RunningClient extends ClientTarget {
  readonly kind: ClientKind;
  readonly pid: number;
}

const SHORT_MS = 500;
const POLL_MS = 20;
const PROC_BYTES_MAX = 64 * 1024;

/**
 * Clients of the volume's server port that this process can see, whatever export they have. Found by their command lines:
 * nothing is remembered between calls.
 */
export async function clientsOf(op: Op, { server }: NbdOptions): Promise<RunningClient[]> {
  const found: RunningClient[] = [];
  for (const name of (await op.files.list("/proc")) ?? []) {
    if (!/^\d+$/.test(name)) continue;
    // The name first: it can be read at any time, while the command line of a process that hangs may not.
    if (!CLIENT_COMMS.has((await readProc(op, name, "comm")).trim())) continue;
    const client = parseClient((await readProc(op, name, "cmdline")).split("\0").slice(0, -1));
    if (client?.address !== server.address || client.port !== server.port) continue;
    found.push({ ...client, pid: Number(name) });
  }
  return found;
}

/** Of those, the ones in this process's network: another machine of the same test has a network of its own. */
export async function inThisNetwork(op: Op, clients: readonly RunningClient[]): Promise<RunningClient[]> {
  if (clients.length === 0) return [];
  const paths = ["/proc/self/ns/net", ...clients.map(({ pid }) => `/proc/${pid}/ns/net`)];
  const here: RunningClient[] = [];
  const network = async (path: string) =>
    (await op.exec("readlink", [path], { timeoutMs: SHORT_MS, okExitCodes: [0, 1] })).stdout.trim();
  const own = await network(paths[0] ?? "");
  for (const client of clients) if ((await network(`/proc/${client.pid}/ns/net`)) === own) here.push(client);
  return here;
}

/** @throws `UNKNOWN_OUTCOME` when one outlives SIGKILL. */
export async function killClients(op: Op, clients: readonly RunningClient[], timeoutMs: number): Promise<void> {
  if (clients.length === 0) return;
  // 1: it was gone already.
  await op.exec("kill", ["-KILL", ...clients.map(({ pid }) => String(pid))], {
    timeoutMs: SHORT_MS,
    okExitCodes: [0, 1],
  });
  await awaitGone(op, clients, timeoutMs);
}

/** @throws `UNKNOWN_OUTCOME`. */
export async function awaitGone(op: Op, clients: readonly RunningClient[], timeoutMs: number): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const left: number[] = [];
    for (const { pid } of clients) if (await isAlive(op, pid)) left.push(pid);
    if (left.length === 0) return;
    if (waitedMs >= timeoutMs) {
      throw new HoldfastError("UNKNOWN_OUTCOME", `Clients of the block device do not end: ${left.join(", ")}.`, {
        hint: "They hang in the kernel; the connection may still be there.",
        retryable: true,
        detail: { pids: left },
      });
    }
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

/** A zombie with other threads left may still have one in the middle of a system call. */
async function isAlive(op: Op, pid: number): Promise<boolean> {
  const stat = await readProc(op, String(pid), "stat");
  if (stat === "") return false;
  const state = stat.charAt(stat.lastIndexOf(")") + 2);
  return state !== "X" && (state !== "Z" || ((await listTasks(op, pid)) ?? []).length > 1);
}

async function listTasks(op: Op, pid: number): Promise<readonly string[] | undefined> {
  return op.files.list(`/proc/${pid}/task`);
}

/** Empty when the process is gone, which it may be at any moment. */
async function readProc(op: Op, pid: string, file: string): Promise<string> {
  try {
    const content = await op.files.read(`/proc/${pid}/${file}`, { bytesMax: PROC_BYTES_MAX });
    return content === undefined ? "" : new TextDecoder().decode(content);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return "";
    throw error;
  }
}

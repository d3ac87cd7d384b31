import { type CutResult, hasCode, type Op } from "@holdfast/core";
import type { NbdOptions } from "../options.js";
import { clientsOf, inThisNetwork, killClients } from "./clients.js";
import { parseSs } from "./sockets.js";

const SHORT_MS = 400;
const KILL_MS = 500;

/**
 * Ends clients that no tree took along, then what the kernel would still send for dead ones: a closed socket goes on
 * delivering what is in its buffer, for minutes, as soon as the network is back.
 */
export async function cut(op: Op, options: NbdOptions): Promise<CutResult> {
  const clients = await inThisNetwork(op, await clientsOf(op, options));
  try {
    await killClients(op, clients, KILL_MS);
  } catch (error) {
    if (!hasCode(error, "UNKNOWN_OUTCOME")) throw error;
    return { kind: "incomplete", needsFence: `clients outlive SIGKILL: ${clients.map(({ pid }) => pid).join(", ")}` };
  }
  const { address, port } = options.server;
  const towards = ["dst", address, "dport", "=", `:${port}`];
  const killed = parseSs((await op.exec("ss", ["-HtnaK", ...towards], { timeoutMs: SHORT_MS })).stdout);
  const left = parseSs((await op.exec("ss", ["-Htna", ...towards], { timeoutMs: SHORT_MS })).stdout);
  if (left.length > 0) {
    return { kind: "incomplete", needsFence: `connections to ${address}:${port} remain: ${left.join("; ")}` };
  }
  const ended = clients.map(({ kind, pid, export: name }) => `${kind} ${pid} (${name})`).join(", ") || "none";
  return {
    kind: "cut",
    evidence: `clients ended: ${ended}; connections destroyed: ${killed.join("; ") || "none"}; to ${address}:${port} nothing is left`,
  };
}

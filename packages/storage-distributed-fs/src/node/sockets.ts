import { isIP } from "node:net";
import type { Op } from "@holdfast/core";
import type { PeerFilter } from "../driver.js";

const SS_MS = 2_000;
const RESOLVE_MS = 1_000;

/**
 * States in which a socket has no process any more and still has something to deliver. In FIN-WAIT-2 and TIME-WAIT the
 * peer has acknowledged everything (RFC 9293, section 3.3.2).
 */
const UNDELIVERED = ["fin-wait-1", "closing", "last-ack"];

export interface Socket {
  readonly state: string;
  readonly sendQueueBytes: number;
  readonly local: Endpoint;
  readonly peer: Endpoint;
}

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Orphaned sockets that would hand a dead client's data to a server as soon as the network heals. */
export async function orphans(op: Op, peers: readonly PeerFilter[]): Promise<Socket[]> {
  const states = UNDELIVERED.flatMap((state) => ["state", state]);
  const { stdout } = await op.exec("ss", ["--tcp", "--numeric", "--no-header", "--all", ...states], {
    timeoutMs: SS_MS,
  });
  const sockets = parseSockets(stdout);
  if (sockets.length === 0) return [];
  const wanted = await Promise.all(
    peers.map(async (peer) => ({ ...peer, addresses: await resolve(op, peer.addresses) })),
  );
  return sockets.filter((socket) => wanted.some((peer) => leadsTo(socket, peer)));
}

/** `ss --kill` closes one that exactly matches; needs CONFIG_INET_DIAG_DESTROY and CAP_NET_ADMIN. */
export async function killSocket(op: Op, { local, peer }: Socket): Promise<void> {
  const end = ({ address, port }: Endpoint) => `${address.includes(":") ? `[${address}]` : address}:${port}`;
  await op.exec("ss", ["--kill", "--tcp", "--all", "--numeric", "--no-header", "src", end(local), "dst", end(peer)], {
    timeoutMs: SS_MS,
  });
}

/** Pure: lines of `ss -tnH` with a state column. */
export function parseSockets(text: string): Socket[] {
  return text.split("\n").flatMap((line) => {
    const [state, , sendQueue, local, peer] = line.trim().split(/\s+/);
    if (state === undefined || local === undefined || peer === undefined) return [];
    return [{ state, sendQueueBytes: Number(sendQueue), local: parseEndpoint(local), peer: parseEndpoint(peer) }];
  });
}

function parseEndpoint(text: string): Endpoint {
  const at = text.lastIndexOf(":");
  // "[::ffff:10.0.0.1]:24007" and "fe80::1%eth0:24007"; the zone is kept, as ss wants it back.
  return { address: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
}

/** Pure. */
export function leadsTo({ peer }: Socket, { addresses, ports }: PeerFilter): boolean {
  const address = peer.address.replace(/^::ffff:/, "");
  const toServer = addresses.length === 0 || addresses.includes(address);
  return toServer && ports.some(([from, to]) => peer.port >= from && peer.port <= to);
}

/**
 * Names to addresses. A resolver that does not answer (it may be cut off like the servers) makes the filter wider, not narrower:
 * a stranger's half-closed connection is worth less than the data.
 */
async function resolve(op: Op, hosts: readonly string[]): Promise<string[]> {
  const names = hosts.filter((host) => isIP(host) === 0);
  if (names.length === 0) return [...hosts];
  const result = await op
    .exec("getent", ["ahosts", ...names], { timeoutMs: RESOLVE_MS, okExitCodes: [0, 2] })
    .catch((error: unknown) => {
      op.logger.log("warn", "names of storage servers cannot be resolved", { names, error: String(error) });
      return { exitCode: 2, stdout: "" };
    });
  if (result.exitCode !== 0) return [];
  const found = result.stdout.split("\n").flatMap((line) => line.split(/\s+/)[0] || []);
  return [...hosts.filter((host) => isIP(host) !== 0), ...found];
}

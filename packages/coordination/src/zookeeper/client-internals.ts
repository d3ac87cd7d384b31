import type { Socket } from "node:net";
import type { Client } from "node-zookeeper-client";

/**
 * The private members of node-zookeeper-client that this package touches. They exist in the pinned version 1.1.3;
 * {@link missingInternals} is checked by a test, so that an update which renames one is noticed before it is used.
 */
export interface ConnectionManager {
  socket: Socket | undefined;
  /** Bytes of a reply that is not complete yet. The client forgets to clear it between connections. */
  pendingBuffer: Buffer | null;
  /** Requests that were sent and not answered, oldest first. */
  readonly pendingQueue: PendingPacket[];
  /** Requests that are still to be sent. */
  readonly packetQueue: { readonly queue: unknown[] };
  /** Handed to `net.connect` one after the other. */
  servers: ClientServer[];
  /** Index of the server being tried while its socket is made, of the next one afterwards. */
  readonly nextServerIndex: number;
  /** See {@link ConnectionState}. */
  readonly state: number;
  /** Number of the next request. */
  xid: number;
  /** Negotiated with the server, milliseconds. */
  readonly sessionTimeout: number;
  connectTimeoutHandler: NodeJS.Timeout | null;
  connect(): void;
  onSocketData(chunk: Buffer): void;
  on(event: "state", listener: (state: number) => void): unknown;
}

export interface PendingPacket {
  readonly callback: ((error: unknown, reply?: unknown) => void) | undefined;
}

/** Options for `net.connect`; the label is ours. */
export type ClientServer = ({ readonly host: string; readonly port: number | string } | { readonly path: string }) & {
  readonly label?: string;
};

/** lib/ConnectionManager.js, `STATES`. */
export const ConnectionState = {
  DISCONNECTED: 0,
  CONNECTING: 1,
  CONNECTED: 2,
  CONNECTED_READ_ONLY: 3,
  CLOSING: -1,
  CLOSED: -2,
  SESSION_EXPIRED: -3,
  AUTHENTICATION_FAILED: -4,
} as const;

export function connectionManagerOf(client: Client): ConnectionManager {
  return (client as unknown as { readonly connectionManager: ConnectionManager }).connectionManager;
}

/** Names of the members above that this client does not have, or has as something else. Empty = as expected. */
export function missingInternals(client: Client): string[] {
  const manager: Partial<Record<keyof ConnectionManager, unknown>> | undefined = connectionManagerOf(client);
  if (manager === undefined) return ["connectionManager"];
  const expected: Record<keyof ConnectionManager, boolean> = {
    socket: manager.socket === undefined,
    pendingBuffer: manager.pendingBuffer === null,
    pendingQueue: Array.isArray(manager.pendingQueue),
    packetQueue: Array.isArray((manager.packetQueue as { queue?: unknown } | undefined)?.queue),
    servers: Array.isArray(manager.servers),
    nextServerIndex: typeof manager.nextServerIndex === "number",
    state: manager.state === ConnectionState.DISCONNECTED,
    xid: typeof manager.xid === "number",
    sessionTimeout: typeof manager.sessionTimeout === "number",
    connectTimeoutHandler: manager.connectTimeoutHandler === null,
    connect: typeof manager.connect === "function",
    onSocketData: typeof manager.onSocketData === "function",
    on: typeof manager.on === "function",
  };
  return Object.entries(expected)
    .filter(([, holds]) => !holds)
    .map(([name]) => `connectionManager.${name}`);
}

import type { HoldfastError } from "@holdfast/core";
import type { ClientServer } from "./client-internals.js";
import type { ZooKeeperAddress } from "./options.js";

export interface TransportEvents {
  /** An attempt to reach that server failed; `refusal` when trying again would give the same answer. */
  readonly failed: (label: string, reason: string, refusal: HoldfastError | null) => void;
}

/** How the client, which knows only plain sockets, gets to the servers. */
export interface Transport {
  /** Whether it tells by itself why a server could not be reached. */
  readonly explains: boolean;
  /** Makes what the connections go through. */
  open(events: TransportEvents): Promise<readonly (ClientServer & { readonly label: string })[]>;
  close(): Promise<void>;
}

export const labelOf = (server: ZooKeeperAddress): string => `${server.host}:${server.port}`;

export function plainTransport(servers: readonly ZooKeeperAddress[]): Transport {
  return {
    explains: false,
    async open() {
      return servers.map((server) => ({ host: server.host, port: server.port, label: labelOf(server) }));
    },
    async close() {
      // Nothing stands between the client and the servers.
    },
  };
}

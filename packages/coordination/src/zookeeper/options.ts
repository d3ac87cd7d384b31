import type { Logger } from "@holdfast/core";

export interface ZooKeeperAddress {
  readonly host: string;
  readonly port: number;
}

/** PEM files. Read once, at `open`. */
export interface ZooKeeperTlsOptions {
  /** Authorities that a server's certificate may be from; null = those that Node.js trusts. */
  readonly caFile: string | null;
  /** This client's certificate and key; null = none is shown. */
  readonly certFile: string | null;
  readonly keyFile: string | null;
  /** The name that every server's certificate must carry; null = the host name of the store URL. */
  readonly serverName: string | null;
}

export interface ZooKeeperStoreOptions {
  /** As {@link parseZooKeeperUrl} returns them; tried in random order. */
  readonly servers: readonly ZooKeeperAddress[];
  /** `/holdfast`; default `/`. Must exist. */
  readonly chroot?: string;
  /** Connect with TLS; default: when `tls` is given. */
  readonly secure?: boolean;
  readonly tls?: ZooKeeperTlsOptions | null;
  /** Makes the chroot at `open` when it does not exist. Default false: a misspelt path must not become a second store. */
  readonly createChroot?: boolean;
  /** What the session may be silent for before the server drops the queue entries. Milliseconds, default 10 000. */
  readonly sessionTimeoutMs?: number;
  /** A server that owes an answer for this long is left for another one. Milliseconds. */
  readonly silenceMs: number;
  /** File with `user:password` for digest authentication; null or left out = none. */
  readonly authFile?: string | null;
  /** With authentication: may everybody read the records, for status? Default true. */
  readonly worldReadable?: boolean;
  readonly logger?: Logger;
}

export const DEFAULT_SESSION_TIMEOUT_MS = 10_000;

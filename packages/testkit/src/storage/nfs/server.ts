import type { ControlTarget } from "@holdfast/core";

/** A file server of one kind, with room for many volumes. */
export interface NfsServer {
  readonly kind: "kernel" | "ganesha";
  /** Name and version, as it says it itself. */
  readonly version: string;
  readonly address: string;
  /** Over ssh, as root; what follows is the command. */
  control(...command: [string, ...string[]]): ControlTarget;
  /** A shell script on the server; works while agents are cut off. */
  shell(script: string): Promise<string>;
  /** What the clients mount, and where that lies on the server. */
  place(name: string): { readonly source: string; readonly directory: string };
  /** Further options of the strategy's `server` for a volume. */
  options(name: string): Promise<Readonly<Record<string, unknown>>>;
  hang(): Promise<void>;
  resume(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Seconds that a dead client's locks live. */
export const LEASE_SECONDS = 10;

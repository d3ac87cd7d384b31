import type { Op, StorageFinding, Volume } from "@holdfast/core";
import type { AccessState } from "../access/state.js";
import type { SharedFsOptions } from "../options.js";

/** What a server's file and its own tables say at one moment. */
export interface ServerView {
  readonly state: AccessState;
  /** Of the file as it was read; `absent` when there was none. */
  readonly token: string;
  /** The exported directory is there. */
  readonly exists: boolean;
  /** The server's own words. */
  readonly said: string;
}

export interface AccessChange {
  readonly next: AccessState;
  /** Of the file that the change starts from. */
  readonly token: string;
  /** Addresses that shall be let in, and those that must not be. */
  readonly admit: readonly string[];
  readonly refuse: readonly string[];
  /** Addresses whose opens and locks are to end: a fence. */
  readonly expire: readonly string[];
}

/** A server whose list of clients is written by us. */
export interface Exporter {
  read(op: Op, volume: Volume, options: SharedFsOptions): Promise<ServerView>;
  /** Resolves to the server's own answer after the fact; null when the file had changed in between: read again. */
  apply(op: Op, volume: Volume, options: SharedFsOptions, change: AccessChange): Promise<string | null>;
  inspect(op: Op, volume: Volume, options: SharedFsOptions): Promise<readonly StorageFinding[]>;
  fenceCommands(volume: Volume, options: SharedFsOptions, addresses: readonly string[]): readonly string[];
}

import type { Engine, EngineCommand, EngineContext } from "@holdfast/core";
import type { Requirement } from "../requirements.js";

/** Where a client finds the database of its own agent. */
export interface ClientTarget {
  readonly bind: string;
  readonly port: number;
  /** Directory of the database's sockets. */
  readonly runDir: string;
}

/** One connection to a database that serves. */
export interface DemoSession {
  /** The epoch under which *this server* was started, told by the server itself. */
  readonly epoch: bigint;
  /** Resolves when the server has acknowledged the write; a key that is there already is an error. */
  insert(key: string, value: string): Promise<void>;
  /** The whole data set. */
  readAll(): Promise<Map<string, string>>;
  close(): void;
}

/** An engine as far as a development cluster needs it, and a client that writes and reads back. */
export interface DemoEngine extends Engine {
  readonly requirements: readonly Requirement[];
  readonly port: number;
  /** User that the package made for the server; root starts it as that user. */
  readonly packageUser: string;
  /** Makes an empty data set, under the lease like every write; null when the server does that by itself. */
  initialCommand(context: EngineContext): EngineCommand | null;
  /** @throws when the server does not serve (yet). Bounded by the signal. */
  connect(target: ClientTarget, signal: AbortSignal): Promise<DemoSession>;
}

/** What these engines take as `options`. */
export interface DemoEngineOptions {
  /** User to run as; null = the user of the cluster. */
  readonly user: string | null;
}

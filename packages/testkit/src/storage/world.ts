import type { AgentId, Volume } from "@holdfast/core";
import type { StrategyReference } from "./conformance/strategy-reference.js";

/**
 * A real storage system with at least two agents that use it: what the conformance suite, the fault rows and the
 * failover measurements run on. One implementation per backend; nothing in it knows a strategy's code.
 */
export interface StorageWorld {
  /** Equals `capabilities(volume).backend`. */
  readonly backend: string;
  /** Name and version of the server, as it says it itself. */
  readonly server: string;
  readonly agents: readonly [StorageAgent, StorageAgent, ...StorageAgent[]];
  /**
   * An address that every agent reaches over the network that `cut` cuts: there the suite starts a coordination store of
   * its own.
   */
  readonly hostAddress: string;
  /** A volume nobody used before, which exists at the server; not marked, and for block devices not formatted. */
  createVolume(service: string): Promise<Volume>;
  readonly servers: StorageServers;
  /** Takes everything down, by process id; fails when something stays. */
  close(): Promise<void>;
}

export interface StorageServers {
  readonly addresses: readonly string[];
  /** SIGSTOP to every server process: connections stay, nothing is answered. */
  hang(): Promise<void>;
  resume(): Promise<void>;
  /** SIGKILL to every server process. */
  kill(): Promise<void>;
  /** Starts them again on the same data, and waits until they serve. */
  start(): Promise<void>;
  /** Fills what the volume lies on until a write fails with ENOSPC; returns what frees it again. Undefined: cannot be done here. */
  fill?(volume: Volume): Promise<() => Promise<void>>;
}

/** A machine: a network namespace, or a virtual machine. */
export interface StorageAgent {
  readonly id: AgentId;
  readonly address: string;
  /** The command line that runs `argv` there in the foreground, with stdin and stdout passed on. */
  command(argv: readonly string[]): readonly string[];
  /** Off the network, silently: packets to and from everybody vanish. */
  cut(): Promise<void>;
  /** Packets to and from those addresses vanish; replaces an earlier drop. */
  drop(addresses: readonly string[]): Promise<void>;
  /** Undoes `cut` and `drop`. */
  heal(): Promise<void>;
}

/** How a backend is had; `unavailable` says in words what is missing here. */
export interface StorageRecipe {
  readonly backend: string;
  unavailable(): string | undefined;
  start(): Promise<StorageWorld>;
}

/** What the suite is given: a strategy and a world to try it in. */
export interface ConformanceSubject {
  readonly strategy: StrategyReference;
  readonly recipe: StorageRecipe;
  /** Extra service options for every volume of the world, e.g. a repair policy. */
  readonly options?: Readonly<Record<string, unknown>>;
}

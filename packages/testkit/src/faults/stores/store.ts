import type { NetworkAgent } from "../../agents/agent.js";
import type { ZooKeeperEnsemble } from "../../zookeeper/ensemble.js";
import type { FaultProxy } from "../../zookeeper/fault-proxy.js";
import type { ZooKeeperServer } from "../../zookeeper/server.js";

export type StoreKind = "directory" | "zookeeper" | "ensemble";

/** How one agent of a scene reaches the store. */
export interface StoreAccess {
  readonly url: string;
  /** Put before a command that is to run on this agent; empty = the machine's own network. */
  readonly enter: readonly string[];
  /** The agent's machine, where it has one. */
  readonly machine?: NetworkAgent;
  /** The store becomes silently unreachable for this agent, and for nobody else. */
  cut(): Promise<void>;
  /** The link goes down, and the agent can see it. Undefined where there is no link. */
  readonly unplug: (() => Promise<void>) | undefined;
  heal(): Promise<void>;
  /** What can be seen of it from outside, in words for the table. */
  observe(): string;
}

/** The coordination store of one scene. */
export interface SceneStore {
  readonly kind: StoreKind;
  /** The server, where the scene has one to itself. */
  readonly server?: ZooKeeperServer;
  /** What stands between an agent and the server, where something does. */
  readonly proxy?: (agent: string) => FaultProxy;
  /** All servers, where there are several. */
  readonly ensemble?: ZooKeeperEnsemble;
  access(agent: string): Promise<StoreAccess>;
  /** Deletes the lease record of a service by hand, as an operator's mistake would. */
  deleteLease(service: string): Promise<void>;
  /** Deletes everything in the store: records, history, queue. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** Gives every scene a store of its own, be it only a corner of a shared server. */
export interface StoreProvider {
  readonly kind: StoreKind;
  open(scene: { readonly id: string; readonly directory: string }): Promise<SceneStore>;
}

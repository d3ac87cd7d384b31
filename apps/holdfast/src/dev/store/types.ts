import type { AgentId } from "@holdfast/core";

/** The coordination store of a development cluster, and what can be done to it. */
export interface DevStore {
  readonly kind: "directory" | "zookeeper";
  /** For runs; may hold placeholders that each agent fills in. */
  readonly url: string;
  /** For a tool on this machine itself. */
  readonly hostUrl: string;
  /** Takes the store away from one agent, beside its network. */
  cut(agent: AgentId): Promise<void>;
  heal(agent: AgentId): Promise<void>;
  /** For everybody: it is there and does not answer, or cannot be reached. */
  hang(): Promise<void>;
  resume(): Promise<void>;
  isHung(): boolean;
  close(): Promise<void>;
}

import type { AgentId } from "@holdfast/core";
import type { SeenProcess } from "../processes.js";

/** How the agents of this machine are kept apart. */
export interface DevNetwork {
  readonly kind: "namespaces" | "loopback";
  /** In words, what this kind of separation cannot do; empty when nothing. */
  readonly cannot: readonly string[];
  /** Where agents reach the orchestrator, and ZooKeeper. */
  readonly hostAddress: string;
  /** Address that an agent's applications listen on. */
  bindOf(agent: AgentId): string;
  /** Put before a command: it then runs on that agent. */
  enter(agent: AgentId): readonly string[];
  /** What a person types to run a command on that agent. */
  describeEnter(agent: AgentId): string;
  /** Processes of the agent that the network itself can tell, marks or not. */
  processes(agent: AgentId): SeenProcess[];
  /** Silently off the network: connections stay open and packets vanish. @throws `UNSUPPORTED`. */
  cut(agent: AgentId): Promise<void>;
  heal(agent: AgentId): Promise<void>;
  /** Asked from outside, not remembered: does anything that is sent to the agent still come back? */
  answers(agent: AgentId): Promise<boolean>;
  /** Takes everything down; the processes must be gone. Idempotent. */
  remove(): Promise<void>;
}

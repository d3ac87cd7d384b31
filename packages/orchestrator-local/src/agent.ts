import type { AgentId, RunId } from "@holdfast/core";
import type { LocalDefinition } from "./definition.js";

/** What an agent says of one task. A report, not a proof: the lease record alone says who may write. */
export interface AgentTask {
  readonly id: string;
  readonly service: string;
  readonly version: string;
  readonly state: "running" | "killing" | "ended";
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Health checks that failed in a row. */
  readonly healthFailures: number;
  /** Milliseconds since the task was started, and whether a health check ever succeeded. */
  readonly ageMs: number;
  readonly everHealthy: boolean;
  readonly says: "serving" | "waiting" | "unknown";
  readonly run: RunId | null;
  readonly epoch: string | null;
}

export interface Launch {
  /** Given by the orchestrator; the same id is never launched twice. */
  readonly id: string;
  readonly version: string;
  readonly definition: LocalDefinition;
}

/**
 * Something that runs tasks: a machine, a network namespace, a process group. Every call is bounded by its signal,
 * idempotent, and rejects when the agent cannot be reached.
 */
export interface LocalAgent {
  readonly id: AgentId;
  /** Everything it runs, and what ended lately. Answering at all is the agent's sign of life. */
  tasks(signal: AbortSignal): Promise<readonly AgentTask[]>;
  /** Returns when the process was started, or was before. */
  launch(launch: Launch, signal: AbortSignal): Promise<void>;
  /** Stop signal now, SIGKILL to everything of the task after the definition's grace. Returns when it was accepted. */
  kill(task: string, signal: AbortSignal): Promise<void>;
}

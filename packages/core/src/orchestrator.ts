import type { AgentId, RunId } from "./ids.js";
import type { Op } from "./op.js";
import type { Service } from "./service.js";
import type { Placement } from "./storage/observation.js";

/** A definition in the orchestrator's own language, with a reason for every field. */
export interface CompiledService {
  readonly definition: Readonly<Record<string, unknown>>;
  /** JSON pointer of the field → why it has this value. */
  readonly reasons: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

export interface LintFinding {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly pointer: string;
  readonly why: string;
  readonly fix: string;
}

/** What an orchestrator believes of a task. Never proof that a run is over: the lease record and receipts are. */
export interface ObservedTask {
  readonly id: string;
  readonly agent: AgentId;
  readonly run: RunId | null;
  readonly state: "staging" | "running" | "unreachable" | "killing" | "finished" | "failed" | "lost";
  readonly since: string;
  readonly exitCode: number | null;
}

export interface ObservedService {
  readonly exists: boolean;
  readonly suspended: boolean;
  readonly tasks: readonly ObservedTask[];
  readonly deployments: readonly string[];
}

export interface OrchestratorEvent {
  readonly kind: "task" | "deployment" | "agent" | "resync";
  readonly service: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What places runs. */
export interface Orchestrator {
  readonly apiVersion: 1;
  readonly type: string;
  /** Pure; equal services give equal definitions, or every apply would restart the database. */
  compile(service: Service, placement: Placement): CompiledService;
  /** Pure; also for definitions that Holdfast never wrote. */
  lint(definition: unknown): readonly LintFinding[];
  observe(op: Op, service: string): Promise<ObservedService>;
  apply(op: Op, compiled: CompiledService): Promise<void>;
  /** Asks for a stop and returns when it was accepted; that is not proof of anything. */
  stop(op: Op, service: string): Promise<void>;
  /** Ends when the signal aborts; emits `resync` after every gap. */
  events(op: Op): AsyncIterable<OrchestratorEvent>;
}

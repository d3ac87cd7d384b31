import type { AgentId, RunId } from "./ids.js";
import type { Op } from "./op.js";
import type { Service } from "./service.js";
import type { Placement } from "./storage/observation.js";

/** A definition in the orchestrator's own language, with a reason for every field. */
export interface CompiledService {
  readonly definition: Definition;
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

/** A definition in the orchestrator's own language. */
export type Definition = Readonly<Record<string, unknown>>;

export interface DefinitionChange {
  /** JSON pointer. */
  readonly pointer: string;
  /** Undefined = not there. For people: cut to what a line can show, and never a secret. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/**
 * What applying a definition would do.
 * - `none`: nothing. `create`, `start`: nothing ran before. `stop`: nothing runs afterwards.
 * - `scale`: what runs goes on. `restart`: what runs is replaced; a database stops and starts.
 * - `refused`: the orchestrator would not take it, whatever is tried.
 */
export type DefinitionEffect = "none" | "create" | "start" | "stop" | "scale" | "restart" | "refused";

export interface DefinitionDiff {
  readonly effect: DefinitionEffect;
  readonly why: string;
  readonly changes: readonly DefinitionChange[];
}

export interface ObservedService {
  readonly exists: boolean;
  /** The definition in force, as the orchestrator reports it; null = there is none. */
  readonly definition: Definition | null;
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
  /**
   * Pure. What applying `next` would do to what `present` runs; what the orchestrator filled in by itself is no change.
   * @param present - as `observe` gave it; null = there is none.
   */
  diff(present: Definition | null, next: Definition): DefinitionDiff;
  observe(op: Op, service: string): Promise<ObservedService>;
  apply(op: Op, compiled: CompiledService): Promise<void>;
  /** Asks for a stop and returns when it was accepted; that is not proof of anything. */
  stop(op: Op, service: string): Promise<void>;
  /** Ends when the signal aborts; emits `resync` after every gap. */
  events(op: Op): AsyncIterable<OrchestratorEvent>;
}

import type { QueueCandidate, StoreCreateOptions, StoreEntry, StoreVersion } from "@holdfast/core";
import type { StoreRecipe } from "./backend.js";
import type { Program, RecordedOperation } from "./history.js";

export interface IncrementReport {
  /** Version numbers that this worker's writes were acknowledged with. */
  readonly acknowledged: readonly number[];
  readonly conflicts: number;
  /** Writes whose outcome stayed unknown. */
  readonly unknown: number;
}

/** What a worker process can be asked to do: argument and answer of each verb. */
export interface WorkerVerbs {
  open: { argument: { recipe: StoreRecipe; timeoutMs: number }; answer: null };
  get: { argument: { path: string }; answer: StoreEntry | null };
  create: {
    argument: { path: string; data: Uint8Array; options: Omit<StoreCreateOptions, "signal"> };
    answer: StoreVersion;
  };
  put: {
    argument: { path: string; data: Uint8Array; expected: StoreVersion; timeoutMs: number };
    answer: StoreVersion;
  };
  enqueue: { argument: { path: string; candidate: QueueCandidate }; answer: null };
  /** Raises the counter in a record until the version number reached `untilNumber`. */
  increment: { argument: { path: string; untilNumber: number }; answer: IncrementReport };
  /** Raises the counter for ever; every acknowledgement is an event. */
  incrementForever: { argument: { path: string }; answer: null };
  program: { argument: { path: string; program: Program; startAtMs: number }; answer: RecordedOperation[] };
  close: { argument: null; answer: null };
}

export type WorkerVerb = keyof WorkerVerbs;

export interface WorkerRequest<V extends WorkerVerb = WorkerVerb> {
  readonly id: number;
  readonly verb: V;
  readonly argument: WorkerVerbs[V]["argument"];
}

export type WorkerMessage =
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly code: string; readonly message: string }
  /** One acknowledged increment of `incrementForever`. */
  | { readonly kind: "acknowledged"; readonly number: number; readonly count: number };

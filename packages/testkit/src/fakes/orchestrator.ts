import { canonicalJson, type ObservedTask, type Orchestrator, type OrchestratorEvent } from "@holdfast/core";

export interface FakeOrchestrator extends Orchestrator {
  readonly applied: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly stopRequests: readonly string[];
  /** What `observe` says of a service; a stop request changes nothing here, as it proves nothing. */
  setTasks(service: string, tasks: readonly ObservedTask[]): void;
  emit(event: OrchestratorEvent): void;
}

/**
 * Places nothing; remembers what was asked of it and says what a test tells it to say. A service that was stopped is
 * suspended until it is applied again.
 */
export function createFakeOrchestrator(type = "fake"): FakeOrchestrator {
  const applied = new Map<string, Readonly<Record<string, unknown>>>();
  const stopRequests: string[] = [];
  const tasks = new Map<string, readonly ObservedTask[]>();
  const suspended = new Set<string>();
  const listeners = new Set<(event: OrchestratorEvent) => void>();
  return {
    apiVersion: 1,
    type,
    applied,
    stopRequests,
    setTasks: (service, list) => void tasks.set(service, list),
    emit(event) {
      for (const listener of listeners) listener(event);
    },
    compile: (service, placement) => ({
      definition: { id: service.metadata.name, instances: 1, placement: placement.kind },
      reasons: { "/instances": "one writer" },
      warnings: [],
    }),
    lint: () => [],
    diff: (present, next) => {
      if (present === null) return { effect: "create", why: "there is none yet", changes: [] };
      const same = canonicalJson(present) === canonicalJson(next);
      return { effect: same ? "none" : "restart", why: same ? "they are equal" : "they differ", changes: [] };
    },
    observe: async (_op, service) => ({
      exists: applied.has(service),
      definition: applied.get(service) ?? null,
      suspended: suspended.has(service),
      tasks: tasks.get(service) ?? [],
      deployments: [],
    }),
    async apply(_op, { definition }) {
      applied.set(String(definition.id), definition);
      suspended.delete(String(definition.id));
    },
    async stop(_op, service) {
      stopRequests.push(service);
      suspended.add(service);
    },
    events: (op) => eventsUntil(op.signal, listeners),
  };
}

async function* eventsUntil(
  signal: AbortSignal,
  listeners: Set<(event: OrchestratorEvent) => void>,
): AsyncIterable<OrchestratorEvent> {
  const waiting: OrchestratorEvent[] = [];
  let wake: (() => void) | undefined;
  const listener = (event: OrchestratorEvent) => {
    waiting.push(event);
    wake?.();
  };
  const onAbort = () => wake?.();
  listeners.add(listener);
  signal.addEventListener("abort", onAbort);
  try {
    while (!signal.aborted) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    listeners.delete(listener);
    signal.removeEventListener("abort", onAbort);
  }
}

import type { OrchestratorEvent } from "@holdfast/core";

/** What one slow listener may have waiting before it is told to look again from the start. */
const QUEUE_MAX = 1_000;

/** Hands every event to every listener. A listener that fell behind gets `resync` in the place of what it missed. */
export class EventHub {
  readonly #listeners = new Set<(event: OrchestratorEvent) => void>();

  emit(event: OrchestratorEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Begins with `resync`: nothing of before is known to the listener. Ends when the signal aborts. */
  async *listen(signal: AbortSignal): AsyncIterable<OrchestratorEvent> {
    const resync: OrchestratorEvent = { kind: "resync", service: null, detail: {} };
    let queue: OrchestratorEvent[] = [resync];
    let wake: () => void = () => undefined;
    const listener = (event: OrchestratorEvent) => {
      if (queue.length >= QUEUE_MAX) queue = [resync];
      queue.push(event);
      wake();
    };
    const onAbort = () => wake();
    this.#listeners.add(listener);
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event !== undefined) {
          yield event;
          continue;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (signal.aborted) resolve();
        });
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener("abort", onAbort);
    }
  }
}

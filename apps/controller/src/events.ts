/** What happened, for whoever listens; a hint to look again, and no record of anything. */
export interface ControllerEvent {
  readonly kind: "operation" | "step" | "plan" | "storage" | "orchestrator" | "change" | "leader";
  readonly service: string | null;
  readonly at: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A listener that does not keep up loses events, and is told so. */
const WAITING_MAX = 256;

export type Heard = ControllerEvent | { readonly kind: "resync" };

export class EventHub {
  readonly #listeners = new Set<(event: ControllerEvent) => void>();

  get listeners(): number {
    return this.#listeners.size;
  }

  emit = (event: ControllerEvent): void => {
    for (const listener of this.#listeners) listener(event);
  };

  /** Begins with `resync`, as after every gap: look at everything once. Ends when the signal aborts. */
  async *listen(signal: AbortSignal): AsyncIterable<Heard> {
    let waiting: Heard[] = [{ kind: "resync" }];
    let wake: () => void = () => undefined;
    const listener = (event: ControllerEvent) => {
      if (waiting.length >= WAITING_MAX) waiting = [{ kind: "resync" }];
      else waiting.push(event);
      wake();
    };
    const onAbort = () => wake();
    this.#listeners.add(listener);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener("abort", onAbort);
    }
  }
}

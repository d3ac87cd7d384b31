import type { Watched } from "./watch.js";

/** Between the one that reads a stream and the one that consumes it. Bounded: a record is a hint, memory is not. */
export interface Mailbox<T> {
  put(item: Watched<T>, endpoint?: string): void;
  /** One reader at a time. Rejects once it failed. */
  take(): Promise<Watched<T>>;
  fail(reason: unknown): void;
}

export function createMailbox<T>(itemsMax: number): Mailbox<T> {
  let items: Watched<T>[] = [];
  let failure: { readonly reason: unknown } | undefined;
  let wake: (() => void) | undefined;
  const notify = () => {
    wake?.();
    wake = undefined;
  };
  return {
    put(item, endpoint) {
      if (items.length >= itemsMax) {
        items = [
          { kind: "resync", why: `${items.length} records were not consumed in time`, endpoint: endpoint ?? "" },
        ];
      }
      items.push(item);
      notify();
    },
    async take() {
      for (;;) {
        if (failure !== undefined) throw failure.reason;
        const next = items.shift();
        if (next !== undefined) return next;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    fail(reason) {
      failure ??= { reason };
      notify();
    },
  };
}

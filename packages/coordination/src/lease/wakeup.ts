import type { Clock } from "@holdfast/core";

/** One sleeper, woken by hints from watches; a hint that comes while nobody sleeps ends the next sleep at once. */
export class Wakeup {
  #pending = false;
  #controller: AbortController | undefined;

  wake = (): void => {
    this.#pending = true;
    this.#controller?.abort();
  };

  /** Resolves after `ms` or at a hint. @throws the signal's reason when aborted. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#pending) {
      const controller = new AbortController();
      this.#controller = controller;
      const stop = () => controller.abort();
      signal.addEventListener("abort", stop, { once: true });
      try {
        await clock.sleep(ms, controller.signal);
      } catch (error) {
        if (!controller.signal.aborted) throw error;
      } finally {
        signal.removeEventListener("abort", stop);
        this.#controller = undefined;
      }
    }
    this.#pending = false;
    signal.throwIfAborted();
  }
}

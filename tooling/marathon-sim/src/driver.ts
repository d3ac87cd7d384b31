import { randomUUID } from "node:crypto";
import type { Flags } from "./core/flags.js";
import { createSim, type Effect, type MarathonEvent, type Sim } from "./core/model.js";
import { nextDueMs, step, tick } from "./core/tick.js";

type AgentEffect = Exclude<Effect, { kind: "event" }>;

/** The longest time a Node timer can wait. */
const TIMER_MAX_MS = 2_147_483_647;

/**
 * The state machine in real time: applies changes, wakes when something is due, and hands effects to whoever carries
 * them out. Effects are handed over after the change is complete, in their order.
 */
export class Driver {
  readonly sim: Sim;
  /** Carries out what is for agents; a rejection is the embedding program's to see. */
  onAgentEffect: (effect: AgentEffect) => void = () => undefined;
  readonly #listeners = new Set<(event: MarathonEvent) => void>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #depth = 0;
  #effects: Effect[] = [];

  constructor(flags: Flags) {
    this.sim = createSim(flags, Date.now(), randomUUID);
    this.#arm();
  }

  /** @throws whatever the change throws; nothing that it emitted before is lost. */
  apply<T>(change: (sim: Sim) => T): T {
    try {
      const { value, effects } = step(this.sim, Date.now(), () => change(this.sim));
      this.#effects.push(...effects);
      return value;
    } finally {
      this.#handOver();
      this.#arm();
    }
  }

  listen(listener: (event: MarathonEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  /** A listener may apply another change; its effects then come after those that are being handed over. */
  #handOver(): void {
    if (this.#depth > 0) return;
    this.#depth += 1;
    try {
      for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift()) {
        if (effect.kind !== "event") this.onAgentEffect(effect);
        else for (const listener of this.#listeners) listener(effect.event);
      }
    } finally {
      this.#depth -= 1;
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const waitMs = Math.min(Math.max(1, nextDueMs(this.sim) - Date.now()), TIMER_MAX_MS);
    this.#timer = setTimeout(() => {
      this.#effects.push(...tick(this.sim, Date.now()));
      this.#handOver();
      this.#arm();
    }, waitMs);
    // The double must not keep a test's process alive.
    this.#timer.unref();
  }
}

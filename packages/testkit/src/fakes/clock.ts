import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, Instant } from "@holdfast/core";

export interface FakeClock extends Clock {
  /**
   * Both clocks move by `ms`. Sleepers wake in the order of their times, each at its own time, and what they do
   * then is run before the clock goes on. Resolves when nothing is left to run but real input and output.
   */
  advance(ms: number): Promise<void>;
  /** The machine is suspended: boot time moves, monotonic time stands still, and no sleeper wakes. */
  suspend(ms: number): void;
  /** How many sleeps are under way. */
  readonly sleepers: number;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it. */
export function createFakeClock(start: Partial<Instant> = {}): FakeClock {
  const startBootMs = start.bootMs ?? 1_000_000;
  let monoMs = start.monoMs ?? 1_000_000;
  let bootMs = startBootMs;
  const sleepers = new Set<Sleeper>();

  const earliest = (limitMs: number): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) {
      if (sleeper.dueMs <= limitMs && (first === undefined || sleeper.dueMs < first.dueMs)) first = sleeper;
    }
    return first;
  };
  const moveTo = (targetMs: number) => {
    bootMs += Math.max(0, targetMs - monoMs);
    monoMs = Math.max(monoMs, targetMs);
  };

  return {
    now: () => ({ monoMs, bootMs }),
    wallTime: () => new Date(Date.UTC(2024, 0, 1) + bootMs - startBootMs).toISOString(),
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const end = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener("abort", onAbort);
        };
        const onAbort = () => {
          end();
          reject(signal?.reason);
        };
        const sleeper = {
          dueMs: monoMs + Math.max(0, ms),
          wake: () => {
            end();
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    async advance(ms) {
      const targetMs = monoMs + ms;
      await nextTurn();
      for (let next = earliest(targetMs); next !== undefined; next = earliest(targetMs)) {
        moveTo(next.dueMs);
        next.wake();
        await nextTurn();
      }
      moveTo(targetMs);
      await nextTurn();
    },
    suspend(ms) {
      bootMs += ms;
    },
    get sleepers() {
      return sleepers.size;
    },
  };
}

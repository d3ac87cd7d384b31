import type { LogLevel } from "@holdfast/core";
import type { InitCommand } from "../init/protocol.js";
import type { GuardToLock } from "../lock-protocol.js";
import type { GuardToStorage } from "../storage-protocol.js";
import type { GuardEffect, Reading } from "./events.js";
import type { GuardState, Phase, TimerName } from "./state.js";

/**
 * One event being handled: the state as it becomes, and what is to be done about it. States themselves are never
 * changed, so that a caller may keep the one before.
 */
export class Turn {
  readonly at: Reading;
  readonly effects: GuardEffect[] = [];
  state: GuardState;

  constructor(state: GuardState, at: Reading) {
    this.state = state;
    this.at = at;
  }

  get nowMs(): number {
    return this.at.now.monoMs;
  }

  set(change: Partial<GuardState>): void {
    this.state = { ...this.state, ...change };
  }

  /** @throws when a run that is ending would come to life again: a defect, and this process must not go on with it. */
  enter(phase: Phase): void {
    if (phase === this.state.phase) return;
    const next = { ...this.state, phase, phaseSinceMs: this.nowMs };
    if (isEnding(this.state) && !isEnding(next))
      throw new Error(`from ${this.state.phase} there is no way to ${phase}`);
    this.set(next);
  }

  emit(effect: GuardEffect): void {
    this.effects.push(effect);
  }

  toLock(message: GuardToLock): void {
    this.emit({ type: "to-lock", message });
  }

  toInit(command: InitCommand): void {
    this.emit({ type: "to-init", command });
  }

  toStorageInit(command: InitCommand): void {
    this.emit({ type: "to-storage-init", command });
  }

  toStorage(message: GuardToStorage): void {
    this.emit({ type: "to-storage", message });
  }

  /** One part of the takeover is over; without a time of its own it took since the one before. */
  lap(name: string, ms = this.nowMs - this.state.lapSinceMs): void {
    this.set({ laps: [...this.state.laps, { name, ms: Math.round(ms * 10) / 10 }], lapSinceMs: this.nowMs });
  }

  lapFromHere(): void {
    this.set({ lapSinceMs: this.nowMs });
  }

  log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.emit({ type: "log", level, message, fields });
  }

  arm(timer: TimerName, inMs: number): void {
    this.set({ timers: { ...this.state.timers, [timer]: this.nowMs + inMs } });
  }

  disarm(...timers: readonly TimerName[]): void {
    const left = { ...this.state.timers };
    for (const timer of timers) delete left[timer];
    this.set({ timers: left });
  }

  isArmed(timer: TimerName): boolean {
    return this.state.timers[timer] !== undefined;
  }

  nextNumber(): number {
    this.set({ counter: this.state.counter + 1 });
    return this.state.counter;
  }
}

export function inPhase(state: GuardState, ...phases: readonly Phase[]): boolean {
  return phases.includes(state.phase);
}

/** The run is past the point of no return: SIGKILL was sent to the tree, or there is none any more. */
export function isEnding(state: GuardState): boolean {
  return inPhase(state, "killing", "settling", "releasing", "leaving", "ended");
}

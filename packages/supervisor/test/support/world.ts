import type { Instant, MountEntry } from "@holdfast/core";
import type { GuardConfig, GuardToLock, LockToGuard } from "@holdfast/supervisor";
import type { GuardEffect, GuardEvent, Reading } from "../../src/guard/events.js";
import { dueInMs, handle } from "../../src/guard/machine.js";
import { createGuardState, type GuardState } from "../../src/guard/state.js";
import type { InitCommand, InitReport } from "../../src/init/protocol.js";
import { Judge } from "./judge.js";
import { TREE_INIT } from "./must.js";
import { mountTable, readLine, stepResult, VOLUME_TOOLS } from "./simulated-volume.js";
import type { StorageJudge } from "./storage-judge.js";
import { type StorageChannel, StorageWorld } from "./storage-world.js";

const EPOCH = "7";

type Channel = "lock" | "init" | StorageChannel;
export const CHANNELS: readonly Channel[] = ["lock", "init", "storage", "strategies", "child"];

interface Pending {
  readonly channel: Channel;
  readonly event: GuardEvent;
}

/**
 * Everything around a guard, simulated: two clocks, a lock process with a store behind it, an init whose kernel timer
 * is real, children that read volumes. Answers are made when asked for and delivered when the test says so, in order
 * within a channel and in any order between them. What it answers is drawn from `choices`.
 */
export class World {
  state: GuardState;
  now: Instant = { monoMs: 1_000_000, bootMs: 1_000_000 };
  readonly config: GuardConfig;
  readonly judge: Judge;
  readonly delivered: GuardEvent[] = [];
  readonly effects: GuardEffect[] = [];
  /** Nothing of the tree ends by SIGKILL: it hangs in the kernel. */
  unkillable = false;
  outcome: Extract<GuardEffect, { type: "end" }> | undefined;
  readonly fsType: string;
  readonly storage: StorageWorld | undefined;
  mounts: MountEntry[];
  #pending: Pending[] = [];
  #choices: readonly number[];
  #next = 0;
  #lockAlive = new Set<number>();
  #lockStopped = false;
  #initStopped = false;
  #queued: InitCommand[] = [];

  constructor(config: GuardConfig, choices: readonly number[], fsType = "ext4") {
    this.config = config;
    this.#choices = choices;
    this.fsType = fsType;
    this.mounts = mountTable({ fsType });
    this.judge = new Judge(config, fsType);
    this.state = createGuardState(config, VOLUME_TOOLS, 4_242, this.reading());
    this.deliver({ type: "begin", mounts: this.mounts });
    if (this.judge.storage === undefined) this.#sayHello();
    else this.storage = this.#startStorage(this.judge.storage);
  }

  #startStorage(judge: StorageJudge): StorageWorld {
    return new StorageWorld({
      judge,
      choose: (size) => this.#choose(size),
      push: (channel, event) => this.#push(channel, event),
      now: () => this.now,
      innerTreeDies: () => this.#treeDies("closed"),
    });
  }

  #sayHello(): void {
    const bootNs = BigInt(Math.round(this.now.bootMs * 1e6));
    const hello = { type: "hello", version: 1, tree: "pid-namespace", init: TREE_INIT } as const;
    this.#report({ ...hello, monoNs: bootNs, bootNs, mountProc: true });
  }

  reading(): Reading {
    return { now: this.now, wall: "2026-01-01T00:00:00.000Z" };
  }

  get pending(): readonly Pending[] {
    return this.#pending;
  }

  /** Hands one event to the machine and carries out what it asks for. */
  deliver(event: GuardEvent): void {
    this.delivered.push(event);
    this.judge.before(event, this.now, this.state.lock.generation);
    const before = this.state;
    const { state, effects } = handle(before, event, this.reading());
    this.state = state;
    this.judge.after(event, effects, this.now, state);
    for (const effect of effects) {
      this.effects.push(effect);
      this.#apply(effect);
    }
  }

  /** The next event of a channel, if one waits there. */
  deliverNext(channel: Pending["channel"]): boolean {
    const index = this.#pending.findIndex((pending) => pending.channel === channel);
    const [found] = index < 0 ? [] : this.#pending.splice(index, 1);
    if (found !== undefined) this.deliver(found.event);
    return found !== undefined;
  }

  /** Delivers until nothing waits. */
  settle(): void {
    for (let rounds = 0; this.#pending.length > 0; rounds++) {
      if (rounds > 1_000) throw new Error("events without end");
      for (const channel of CHANNELS) this.deliverNext(channel);
    }
  }

  /** Time passes; `suspendedMs` of it the monotonic clock does not notice. Wakes the guard whenever it is due. */
  pass(ms: number, suspendedMs = 0): void {
    const untilMs = this.now.monoMs + ms;
    this.#advance(0, suspendedMs);
    for (let wakes = 0; ; wakes++) {
      if (wakes > 10_000) throw new Error("the guard wakes without end");
      const dueMs = dueInMs(this.state, this.reading());
      if (dueMs === null || this.now.monoMs + dueMs > untilMs || this.state.phase === "ended") break;
      this.#advance(dueMs, 0);
      this.deliver({ type: "wake" });
    }
    this.#advance(Math.max(0, untilMs - this.now.monoMs), 0);
  }

  /** Time passes while the guard is stopped: nothing is delivered. */
  stall(ms: number): void {
    this.#advance(ms, 0);
  }

  #advance(ms: number, suspendedMs: number): void {
    this.now = { monoMs: this.now.monoMs + ms, bootMs: this.now.bootMs + ms + suspendedMs };
    if (this.judge.kernelFires(this.now)) this.#treeDies("closed");
    this.storage?.timePasses();
  }

  stopLock(stopped: boolean): void {
    this.#lockStopped = stopped;
  }

  lockDies(): void {
    this.#endLock(this.state.lock.generation);
  }

  stopInit(stopped: boolean): void {
    this.#initStopped = stopped;
    if (stopped) return;
    for (const command of this.#queued.splice(0)) this.#command(command);
  }

  initDies(): void {
    this.#treeDies("closed");
  }

  applicationExits(code: number): void {
    if (!this.judge.applicationLives) return;
    this.judge.applicationLives = false;
    this.#report({ type: "exit", ended: { kind: "code", code } });
    this.#report({ type: "left", count: this.#choose(2) });
  }

  say(message: LockToGuard): void {
    this.#lock(message);
  }

  #choose(size: number): number {
    const choice = this.#choices[this.#next++ % this.#choices.length] ?? 0;
    return choice % size;
  }

  #push(channel: Pending["channel"], event: GuardEvent): void {
    this.#pending.push({ channel, event });
  }

  #lock(message: LockToGuard): void {
    const { generation } = this.state.lock;
    if (this.#lockAlive.has(generation) && !this.#lockStopped)
      this.#push("lock", { type: "lock-message", generation, message });
  }

  #report(report: Exclude<InitReport, { type: "step" }>): void {
    this.#push("init", { type: "init", keeper: "native", report });
  }

  #endLock(generation: number): void {
    if (!this.#lockAlive.delete(generation)) return;
    this.#lockStopped = false;
    this.#push("lock", { type: "lock-exit", generation, how: "SIGKILL" });
  }

  #treeDies(how: "gone" | "closed" | "never"): void {
    if (!this.judge.treeLives || how === "never" || this.unkillable) return;
    this.judge.treeLives = false;
    this.judge.applicationLives = false;
    if (how === "gone") this.#report({ type: "gone" });
    else this.#push("init", { type: "init-closed", how: "SIGKILL" });
  }

  #apply(effect: GuardEffect): void {
    if (this.storage?.apply(effect) === true) return;
    switch (effect.type) {
      case "start-lock":
        this.#lockAlive.add(effect.generation);
        return this.#lock({ type: "connected", store: "store" });
      case "kill-lock":
        return this.#endLock(effect.generation);
      case "to-lock":
        return this.#answerAsLock(effect.message);
      case "to-init":
        if (effect.command.type === "kill")
          return this.#treeDies(["gone", "closed", "gone", "never"][this.#choose(4)] as "gone");
        if (this.#initStopped) this.#queued.push(effect.command);
        else this.#command(effect.command);
        return;
      case "start-tree": {
        const answer = this.#choose(25);
        if (answer === 1) return this.#treeDies("closed");
        return answer === 2 ? undefined : this.#sayHello();
      }
      case "hurry-tree":
        return this.#treeDies(this.#choose(3) === 0 ? "never" : "closed");
      case "watch-tree":
        return this.#push("init", { type: "tree-gone", proven: this.#choose(5) !== 0, how: "watched" });
      case "look-at-volume":
        return this.#push("child", { type: "look-ended", ...this.#look(), mounts: this.mounts });
      case "look-at-mounts":
        return this.deliver({ type: "mounts-seen", mounts: this.mounts });
      case "settle-volume": {
        const code = this.#choose(4) === 0 ? 1 : 0;
        return this.#push("child", {
          type: "volume-settled",
          outcome: { kind: "code", code },
          output: '{"ok":true}\n',
        });
      }
      case "log":
        return;
      case "end":
        this.outcome = effect;
        return;
    }
  }

  #look(): { outcome: { kind: "code"; code: number } | { kind: "timeout"; timeoutMs: number }; output: string } {
    if (this.#choose(20) === 1) return { outcome: { kind: "timeout", timeoutMs: 5 }, output: "" };
    return { outcome: { kind: "code", code: 0 }, output: readLine(this.#choose(30) === 1 ? "9" : "6") };
  }

  #answerAsLock(message: GuardToLock): void {
    const stamp = this.now;
    switch (message.type) {
      case "acquire": {
        const pendingFence = this.#choose(8) === 1 ? { epoch: "5", agent: "agent-0", what: "a process" } : null;
        const former = { kind: "held", epoch: "6", agent: "agent-0" };
        if (this.#choose(12) === 1) {
          return this.#lock({ type: "failed", code: "HELD_BY_OTHER", message: "held", hint: "wait", holder: null });
        }
        this.#lock({
          type: "granted",
          run: "run-1",
          epoch: EPOCH,
          created: "c",
          stamp,
          former,
          holders: [],
          pendingFence,
        });
        if (pendingFence !== null && this.#choose(3) !== 1) this.#lock({ type: "fenced", epoch: "5" });
        return;
      }
      case "renew": {
        this.#lock({ type: "renewing", n: message.n });
        const answer = this.#choose(4);
        if (answer < 2) this.#lock({ type: "confirmed", n: message.n, stamp, epoch: EPOCH });
        if (answer === 2) this.#lock({ type: "unconfirmed", n: message.n, why: "no answer" });
        return;
      }
      case "history":
        return this.#lock({ type: "history-done", id: message.id, error: this.#choose(5) === 1 ? "store away" : null });
      case "release":
        if (this.#choose(4) === 1) this.#lock({ type: "release-failed", message: "store away" });
        else this.#lock({ type: "released" });
        return this.#endLock(this.state.lock.generation);
      case "leave":
        return this.#endLock(this.state.lock.generation);
      case "config":
      case "tree":
        return;
    }
  }

  #command(command: InitCommand): void {
    if (!this.judge.treeLives) return;
    switch (command.type) {
      case "deadline":
        return this.#report({ type: "alive", bootNs: command.bootNs });
      case "claim": {
        const answer = this.#choose(6);
        if (answer === 1) return this.#report({ type: "claim", result: "held" });
        if (answer === 2) return this.#report({ type: "claim", result: "error", errno: 5, message: "I/O error" });
        return this.#report({ type: "claim", result: "ok" });
      }
      case "step":
        return this.#runStep(command.id);
      case "start":
      case "start-replica": {
        if (this.#choose(12) === 1) return this.#report({ type: "exec", errno: 2, message: "No such file" });
        this.judge.applicationLives = true;
        return this.#report({ type: "started", pid: 99 });
      }
      case "signal":
        if (command.number === 15 && this.#choose(3) > 0) this.applicationExits(this.#choose(3));
        return;
      case "deadline-none":
      case "env":
      case "unclaim":
      case "step-kill":
      case "kill":
        return;
    }
  }

  #runStep(id: string): void {
    const answer = this.#choose(10);
    if (answer === 1) return; // hangs
    const { outcome, output } = stepResult(id, answer === 2);
    this.#push("init", { type: "step-ended", id, outcome, output, mounts: this.mounts });
  }
}

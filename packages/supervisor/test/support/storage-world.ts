import type { Instant } from "@holdfast/core";
import type { GuardToStorage, StorageToGuard } from "@holdfast/supervisor";
import type { GuardEffect, GuardEvent } from "../../src/guard/events.js";
import type { InitCommand, InitReport } from "../../src/init/protocol.js";
import { STORAGE_INIT } from "./must.js";
import type { StorageJudge } from "./storage-judge.js";

/** Of a run's volumes: their tree's keeper, the process in it, and children outside of it; each in an order of its own. */
export type StorageChannel = "storage" | "strategies" | "child";

interface Around {
  readonly judge: StorageJudge;
  choose(size: number): number;
  push(channel: StorageChannel, event: GuardEvent): void;
  now(): Instant;
  /** What a PID namespace does to the one inside it. */
  innerTreeDies(): void;
}

/**
 * The storage tree around a simulated guard: an init whose kernel timer is real, a process in it that answers as asked,
 * twice, never, with a failure or by dying, and a cut program that says anything.
 */
export class StorageWorld {
  readonly #around: Around;
  /** Nothing of it ends by SIGKILL: it hangs in the kernel. */
  unkillable = false;
  #processLives = false;
  #stopped = false;
  #queued: InitCommand[] = [];

  constructor(around: Around) {
    this.#around = around;
    const answer = around.choose(40);
    if (answer === 1) this.dies();
    else if (answer !== 2) this.#sayHello(answer === 3 ? "subreaper" : "pid-namespace");
  }

  #sayHello(tree: string): void {
    const bootNs = BigInt(Math.round(this.#around.now().bootMs * 1e6));
    this.#report({
      ...{ type: "hello", version: 1, tree, init: STORAGE_INIT, monoNs: bootNs, bootNs, mountProc: true },
    });
  }

  stop(stopped: boolean): void {
    this.#stopped = stopped;
    if (!stopped) for (const command of this.#queued.splice(0)) this.#command(command);
  }

  dies(): void {
    this.#end("closed");
  }

  processExits(): void {
    if (!this.#processLives) return;
    this.#processLives = false;
    this.#report({ type: "exit", ended: { kind: "code", code: 70 } });
  }

  /** Something that nobody asked for at this moment. */
  says(message: StorageToGuard): void {
    if (this.#processLives) this.#say(message);
  }

  /** The kernel's own timer. */
  timePasses(): void {
    if (this.#around.judge.kernelFires(this.#around.now())) this.dies();
  }

  /** False when the effect is none of the storage tree's. */
  apply(effect: GuardEffect): boolean {
    const { choose, push } = this.#around;
    switch (effect.type) {
      case "to-storage-init":
        if (effect.command.type === "kill") this.#end((["gone", "closed", "gone", "never"] as const)[choose(4)]);
        else if (this.#stopped) this.#queued.push(effect.command);
        else this.#command(effect.command);
        return true;
      case "to-storage":
        if (this.#processLives) this.#answer(effect.message);
        return true;
      case "hurry-storage":
        this.#end(choose(3) === 1 ? "never" : "closed");
        return true;
      case "watch-storage":
        push("storage", { type: "storage-gone", proven: choose(5) !== 1, how: "watched" });
        return true;
      case "cut-storage":
        push("child", this.#cut(effect.timeoutMs));
        return true;
      default:
        return false;
    }
  }

  #report(report: Exclude<InitReport, { type: "step" }>): void {
    this.#around.push("storage", { type: "storage-init", report });
  }

  #say(message: StorageToGuard): void {
    this.#around.push("strategies", { type: "storage-message", message });
  }

  #end(how: "gone" | "closed" | "never" | undefined): void {
    const { judge } = this.#around;
    if (!judge.lives || how === "never" || this.unkillable) return;
    judge.lives = false;
    this.#processLives = false;
    if (judge.innerTreeJoined) this.#around.innerTreeDies();
    if (how === "gone") this.#report({ type: "gone" });
    else this.#around.push("storage", { type: "storage-closed", how: "SIGKILL" });
  }

  #command(command: InitCommand): void {
    if (!this.#around.judge.lives) return;
    if (command.type === "deadline") return this.#report({ type: "alive", bootNs: command.bootNs });
    if (command.type !== "start") return;
    const answer = this.#around.choose(25);
    if (answer === 1) return this.#report({ type: "exec", errno: 2, message: "No such file" });
    if (answer === 2) return this.#report({ type: "refused", reason: "deadline" });
    this.#processLives = true;
    this.#report({ type: "started", pid: 68 });
  }

  #answer(message: GuardToStorage): void {
    switch (message.type) {
      case "up":
        return this.#up(message.pendingFence?.epoch ?? null);
      case "fence-claim": {
        const answer = this.#around.choose(5);
        if (answer === 1) return this.#say({ type: "claim-unfenceable", message: "It cannot." });
        if (answer === 2) return this.processExits();
        return answer === 3 ? undefined : this.#say({ type: "claim-fenced", epoch: message.epoch });
      }
      case "down":
        return this.#down();
    }
  }

  #up(pendingFence: string | null): void {
    const done = { name: "mount", role: "data", tookMs: 5 };
    const answer = this.#around.choose(20);
    this.#say({ type: "step", ...done, tookMs: null, state: "started" });
    if (answer === 1) return this.#say({ type: "failed", code: "NEEDS_REPAIR", message: "Dirty.", hint: "fsck" });
    if (answer === 2) return; // hangs
    if (answer === 3) return this.processExits();
    this.#say({ type: "step", ...done, state: "done" });
    const receipt = pendingFence !== null && answer % 3 === 1 ? "4" : pendingFence;
    this.#say({ type: "up", fenced: answer === 5 ? null : receipt });
    if (answer === 6) this.#say({ type: "up", fenced: receipt });
    if (answer === 7) this.processExits();
    if (answer === 8) this.#say({ type: "failed", code: "no code at all", message: "Late.", hint: "" });
  }

  #down(): void {
    const answer = this.#around.choose(7);
    if (answer === 1) return; // hangs
    if (answer === 2) return this.processExits();
    if (answer === 3 || answer === 5) return this.#say({ type: "down", clean: false, why: "target is busy" });
    this.#say({ type: "down", clean: true, why: "unmounted" });
    if (answer === 4) this.#say({ type: "down", clean: false, why: "said twice" });
  }

  #cut(timeoutMs: number): GuardEvent {
    const said = (kind: string, code: number): GuardEvent => {
      const output = `${JSON.stringify({ kind, evidence: "no socket is left", needsFence: "it still writes" })}\n`;
      return { type: "storage-cut", outcome: { kind: "code", code }, output };
    };
    switch (this.#around.choose(8)) {
      case 1:
        return said("incomplete", 1);
      case 2:
        return { type: "storage-cut", outcome: { kind: "timeout", timeoutMs }, output: "" };
      case 3:
        return { type: "storage-cut", outcome: { kind: "code", code: 0 }, output: "cut, more or less\n" };
      case 4:
        return { type: "storage-cut", outcome: { kind: "exec", errno: 2, message: "No such file" }, output: "" };
      case 5:
        return said("cut", 1);
      case 6:
        return said("incomplete", 0);
      default:
        return said("cut", 0);
    }
  }
}

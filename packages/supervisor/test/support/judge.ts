import { cutDeadline, type Instant, isReached } from "@holdfast/core";
import type { GuardConfig, GuardToLock } from "@holdfast/supervisor";
import type { GuardEffect, GuardEvent } from "../../src/guard/events.js";
import type { GuardState } from "../../src/guard/state.js";
import type { InitCommand } from "../../src/init/protocol.js";
import { EPSILON_MS, must, STORAGE_INIT, TREE_INIT } from "./must.js";
import { type Circumstances, StorageJudge } from "./storage-judge.js";

/**
 * Watches a guard from outside and fails at the first thing that must never happen. It keeps books of its own from
 * what was delivered and never looks into the guard's, except for what `leftover` was declared.
 */
export class Judge {
  treeLives: boolean;
  applicationLives = false;
  /** Of the volumes, where strategies bring them. */
  readonly storage: StorageJudge | undefined;
  readonly #config: GuardConfig;
  readonly #fsType: string;
  #stamps: Instant[] = [];
  #renewsSent = 0;
  #grantEpoch: string | undefined;
  #grantGeneration = Number.POSITIVE_INFINITY;
  readonly #announced = new Set<number>();
  #pendingFence: bigint | undefined;
  #historyAsked: number | undefined;
  #historyDone = false;
  #claimed = false;
  #verified = false;
  #marked = false;
  #demoted = false;
  #deadlineSentNs: bigint | undefined;
  #deadlineAliveNs: bigint | undefined;
  #kernelNs: bigint | undefined;
  #starts = 0;
  #replicaStarts = 0;
  #killSent = false;
  #releases = 0;
  #lost = false;
  #taken = false;
  #settled = false;
  #wrote = false;
  #ends = 0;
  #helloed = false;
  #goneKnown: boolean;
  #unproven = false;

  constructor(config: GuardConfig, fsType: string) {
    this.#config = config;
    this.#fsType = fsType;
    this.storage = config.storage === null ? undefined : new StorageJudge(config.storage);
    // Where volumes come first there is no tree yet.
    this.treeLives = config.storage === null;
    this.#goneKnown = config.storage !== null;
  }

  /** The kernel's own timer, armed by the last deadline sent. */
  kernelFires(now: Instant): boolean {
    return this.treeLives && this.#kernelNs !== undefined && now.bootMs * 1e6 >= Number(this.#kernelNs);
  }

  /** What the guard is about to learn. */
  before(event: GuardEvent, now: Instant, generation: number): void {
    // What a replaced lock process still said is not heard, but for the loss of the very grant.
    if (event.type === "lock-message" && event.generation !== generation) {
      if (event.message.type === "lost" && event.generation >= this.#grantGeneration) this.#loses(event.message.code);
      return;
    }
    if (event.type === "lock-message" && event.message.type === "granted" && this.#grantEpoch === undefined) {
      this.#grantEpoch = event.message.epoch;
      this.#grantGeneration = event.generation;
      this.#stamps = [event.message.stamp];
      this.#pendingFence = event.message.pendingFence === null ? undefined : BigInt(event.message.pendingFence.epoch);
    }
    if (event.type === "lock-message" && event.message.type === "fenced") this.#fenced(event.message.epoch);
    if (event.type === "storage-message" && event.message.type === "up") this.#fenced(event.message.fenced);
    const cut = this.#cut();
    this.storage?.before(event, cut !== undefined && isReached(cut, now));
    if (event.type === "lock-message" && event.message.type === "confirmed") {
      const { n, stamp, epoch } = event.message;
      const exact = epoch === this.#grantEpoch && n >= 1 && n <= this.#renewsSent && !this.#lost;
      if (exact && stamp.monoMs <= now.monoMs && stamp.bootMs <= now.bootMs) this.#stamps.push(stamp);
    }
    if (event.type === "lock-message" && event.message.type === "lost" && this.#grantEpoch !== undefined)
      this.#loses(event.message.code);
    if (event.type === "lock-message" && event.message.type === "history-done") {
      if (event.message.id === this.#historyAsked && event.message.error === null) this.#historyDone = true;
    }
    if (event.type === "init") {
      if (event.report.type === "alive" && event.report.bootNs === this.#deadlineSentNs) {
        this.#deadlineAliveNs = event.report.bootNs;
      }
      if (event.report.type === "claim" && event.report.result === "ok") this.#claimed = true;
      if (event.report.type === "gone") this.#goneKnown = true;
      if (event.report.type === "hello") this.#helloed = true;
    }
    // Nothing is ever started in a tree that did not come up.
    if (event.type === "init-closed" && !this.#helloed) this.#goneKnown = true;
    if (event.type === "tree-gone") {
      this.#goneKnown = true;
      this.#unproven = !event.proven;
    }
    if (event.type === "step-ended" && event.outcome.kind === "code" && event.outcome.code === 0) {
      if (event.id.startsWith("verify")) this.#verified = true;
      if (event.id.startsWith("mark") && event.output.includes('"ok":true')) this.#marked = true;
      if (event.id.startsWith("demote")) this.#demoted = true;
    }
    if (event.type === "volume-settled" && event.outcome.kind === "code" && event.outcome.code === 0)
      this.#settled = true;
  }

  #loses(code: string): void {
    this.#lost = true;
    this.#taken ||= code === "LEASE_LOST";
  }

  /** Of a receipt for an epoch before that one nothing follows. */
  #fenced(epoch: string | null): void {
    if (epoch !== null && this.#pendingFence !== undefined && BigInt(epoch) >= this.#pendingFence)
      this.#pendingFence = undefined;
  }

  after(event: GuardEvent, effects: readonly GuardEffect[], now: Instant, state: GuardState): void {
    for (const effect of effects) this.#check(effect, now, state);
    const cut = this.#cut();
    const mustBeKilled = cut !== undefined && isReached(cut, now) && !this.#goneKnown && this.#ends === 0;
    must(!mustBeKilled || this.#killSent || this.#everReplicaOnly(), `not killed at the deadline after ${event.type}`);
    this.storage?.after(event, this.#circumstances(now, state), this.#ends > 0);
  }

  #circumstances(now: Instant, state: GuardState): Circumstances {
    return {
      ...{ now, state, cut: this.#cut(), epoch: this.#grantEpoch, lost: this.#lost, taken: this.#taken },
      ...{ released: this.#releases > 0, announced: this.#announced.has(STORAGE_INIT.pid) },
      ...{ treeGone: this.#goneKnown, treeLives: this.treeLives },
    };
  }

  /** The tree has no deadline while its replica is not promoted. */
  #everReplicaOnly(): boolean {
    return this.#config.policy.kind === "promote-demote" && this.#deadlineSentNs === undefined;
  }

  #newest(): Instant | undefined {
    return this.#stamps.reduce<Instant | undefined>(
      (a, b) => (a === undefined || b.monoMs > a.monoMs ? b : a),
      undefined,
    );
  }

  #cut(): Instant | undefined {
    const stamp = this.#newest();
    return stamp === undefined ? undefined : cutDeadline(stamp, this.#config.timing);
  }

  #check(effect: GuardEffect, now: Instant, state: GuardState): void {
    must(this.#ends === 0, `${effect.type} after the end`);
    this.storage?.check(effect, this.#circumstances(now, state));
    switch (effect.type) {
      case "to-init":
        return this.#checkCommand(effect.command, now);
      case "to-lock":
        return this.#checkMessage(effect.message, now, state);
      case "start-lock":
        this.#announced.clear();
        return must(this.#releases === 0, "a lock process is started after the release");
      case "start-tree":
        must(this.storage !== undefined, "a tree is started late without need");
        this.treeLives = true;
        this.#goneKnown = false;
        return;
      case "settle-volume":
        return must(this.#goneKnown, "the volume is settled while the tree lives");
      case "end":
        this.#ends++;
        must(Number.isInteger(effect.exitCode) && effect.exitCode >= 0 && effect.exitCode <= 255, "no exit code");
        return must(effect.exitCode === effect.report.exitCode, "report and exit code differ");
      case "look-at-volume":
        return must(this.storage === undefined, "a volume is looked at before its strategy brought it");
      case "to-storage-init":
      case "to-storage":
      case "hurry-storage":
      case "watch-storage":
      case "cut-storage":
        return must(this.storage !== undefined, `${effect.type} without strategies`);
      case "kill-lock":
      case "hurry-tree":
      case "watch-tree":
      case "look-at-mounts":
      case "log":
        return;
    }
  }

  #checkCommand(command: InitCommand, now: Instant): void {
    const cut = this.#cut();
    switch (command.type) {
      case "deadline":
        must(cut !== undefined, "a deadline without a grant");
        if (cut !== undefined) {
          const sentMs = Number(command.bootNs) / 1e6;
          must(sentMs <= cut.bootMs + EPSILON_MS, `deadline ${sentMs} beyond the cut ${cut.bootMs}`);
          must(sentMs - now.bootMs <= cut.monoMs - now.monoMs + EPSILON_MS, "deadline beyond the monotonic cut");
        }
        must(!this.#killSent, "a deadline after kill");
        this.#deadlineSentNs = command.bootNs;
        this.#kernelNs = command.bootNs;
        return;
      case "deadline-none":
        must(this.#config.policy.kind === "promote-demote" && this.#demoted, "deadline lifted without a demotion");
        this.#forgetGrant();
        return;
      case "start":
        must(this.#config.policy.kind === "start-kill", "start of a replica's application");
        must(++this.#starts === 1, "started twice");
        this.#wrote = true;
        return this.#checkWritable("start", now);
      case "start-replica":
        must(this.#config.policy.kind === "promote-demote", "a replica without the policy");
        must(++this.#replicaStarts === 1, "replica started twice");
        must(this.#config.volume === null || this.#claimed, "a replica without its claim");
        this.#wrote = true;
        return;
      case "step":
        must(!this.#initialises, `step ${command.id} on a volume that is only being prepared`);
        must(cut !== undefined && !isReached(cut, now), `step ${command.id} at or after the deadline`);
        // Giving up the right to write is the one thing that may begin when it is lost.
        must(!this.#lost || command.id.startsWith("demote"), `step ${command.id} after the loss`);
        must(this.#releases === 0 && !this.#killSent, `step ${command.id} after the end of the grant`);
        if (command.id.startsWith("mark")) {
          this.#wrote = true;
          must(this.#claimed && this.#verified && this.#historyDone, "the epoch is written too early");
        }
        if (command.id.startsWith("promote")) this.#checkWritable("promote", now);
        if (command.id.startsWith("demote")) this.#demoted = false;
        return;
      case "kill":
        this.#killSent = true;
        return;
      case "claim":
        return must(!this.#initialises, "a claim on a volume that has none yet");
      case "signal":
      case "unclaim":
      case "step-kill":
      case "env":
        return;
    }
  }

  /** All that must be true before anything may write to the data. */
  #checkWritable(what: string, now: Instant): void {
    const cut = this.#cut();
    must(cut !== undefined, `${what} without a grant`);
    must(cut === undefined || !isReached(cut, now), `${what} at or after the deadline`);
    must(!this.#lost && this.#releases === 0 && !this.#killSent, `${what} after the end of the grant`);
    must(this.#announced.has(TREE_INIT.pid), `${what} before the lock process knows the tree`);
    must(this.#pendingFence === undefined, `${what} before a former run is fenced`);
    must(this.storage === undefined || (this.storage.up && !this.storage.killSent), `${what} without its volumes`);
    must(this.#deadlineSentNs !== undefined, `${what} before the init has a deadline`);
    must(this.#historyDone, `${what} without a history record`);
    if (this.#config.volume !== null && !this.#initialises) {
      must(this.#claimed && this.#verified && this.#marked, `${what} on a volume that is not ours`);
    }
  }

  #checkMessage(message: GuardToLock, now: Instant, state: GuardState): void {
    const cut = this.#cut();
    switch (message.type) {
      case "tree":
        this.#announced.add(message.init.pid);
        return;
      case "history":
        if (message.kind === "started") this.#historyAsked = message.id;
        return must(message.note.length <= 200, "a note that the record refuses");
      case "renew":
        this.#renewsSent = message.n;
        must(cut !== undefined && !isReached(cut, now), "a renewal at or after the deadline");
        must(this.#releases === 0 && !this.#lost, "a renewal after the end of the grant");
        return must(this.#initsAnswer(), "a renewal although the init does not answer");
      case "release":
        must(++this.#releases === 1, "released twice");
        must(!this.#lost, "a lost lease is released");
        if (message.state.kind === "released") {
          must(!this.treeLives && !this.applicationLives, "released while the tree lives");
          must(this.#goneKnown, "released before the tree is known gone");
          must(!this.#unproven, "released although something of the tree may be left");
          must(!this.#mustSettle() || this.#settled, "released before the volume is settled");
          must(state.leftover === null, "released with something left");
          this.storage?.checkReleased();
        }
        return;
      case "config":
      case "acquire":
        return must(this.#releases === 0, "a candidate after the release");
      case "leave":
        return;
    }
  }

  /** What is being ended cannot answer, and need not. */
  #initsAnswer(): boolean {
    const answers = this.#deadlineSentNs !== undefined && this.#deadlineAliveNs === this.#deadlineSentNs;
    if (this.storage === undefined) return this.#killSent || this.#goneKnown || answers;
    const { killSent, goneKnown, downSent } = this.storage;
    if (this.#killSent || killSent || goneKnown || downSent) return true;
    return this.storage.answers && (!this.#announced.has(TREE_INIT.pid) || this.#goneKnown || answers);
  }

  get #initialises(): boolean {
    return this.#config.storage?.initialise === true;
  }

  #mustSettle(): boolean {
    return this.storage === undefined && this.#wrote && this.#config.volume !== null && this.#fsType !== "ext4";
  }

  #forgetGrant(): void {
    this.#stamps = [];
    this.#grantEpoch = undefined;
    this.#grantGeneration = Number.POSITIVE_INFINITY;
    this.#lost = false;
    this.#taken = false;
    this.#historyDone = false;
    this.#verified = false;
    this.#marked = false;
    this.#demoted = false;
    this.#deadlineSentNs = undefined;
    this.#deadlineAliveNs = undefined;
    this.#kernelNs = undefined;
  }
}

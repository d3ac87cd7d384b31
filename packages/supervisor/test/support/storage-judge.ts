import { type Instant, isReached } from "@holdfast/core";
import type { GuardStorage, GuardToStorage } from "@holdfast/supervisor";
import type { GuardEffect, GuardEvent } from "../../src/guard/events.js";
import type { GuardState } from "../../src/guard/state.js";
import type { InitCommand } from "../../src/init/protocol.js";
import { EPSILON_MS, must, STORAGE_INIT } from "./must.js";

/** What the judge of the whole run knows when an effect is looked at. */
export interface Circumstances {
  readonly now: Instant;
  readonly cut: Instant | undefined;
  readonly epoch: string | undefined;
  readonly lost: boolean;
  /** Another run may have it. */
  readonly taken: boolean;
  readonly released: boolean;
  /** The lock process knows the storage tree. */
  readonly announced: boolean;
  /** There is no tree of the application, or it is known to be gone. */
  readonly treeGone: boolean;
  readonly treeLives: boolean;
  readonly state: GuardState;
}

/** From SIGKILL until a process may count as one that nobody can kill. */
const GIVEN_UP_MS = 2_000;

/** What must never happen to a run's volumes; like `judge.ts`, from what was delivered alone. */
export class StorageJudge {
  lives = true;
  innerTreeJoined = false;
  /** The process said so under the present grant. */
  up = false;
  killSent = false;
  goneKnown = false;
  downSent = false;
  readonly #config: GuardStorage;
  #started = 0;
  #upAsked = false;
  #trees = 0;
  #cuts = 0;
  #clean = false;
  #cut = false;
  #unproven = false;
  #downAtMs = Number.POSITIVE_INFINITY;
  #killedAtMs = Number.POSITIVE_INFINITY;
  #deadlineSentNs: bigint | undefined;
  #deadlineAliveNs: bigint | undefined;

  constructor(config: GuardStorage) {
    this.#config = config;
  }

  kernelFires(now: Instant): boolean {
    return this.lives && this.#deadlineSentNs !== undefined && now.bootMs * 1e6 >= Number(this.#deadlineSentNs);
  }

  get answers(): boolean {
    return this.#deadlineSentNs !== undefined && this.#deadlineAliveNs === this.#deadlineSentNs;
  }

  /** After the deadline the guard ends everything before it listens. */
  before(event: GuardEvent, isOver: boolean): void {
    if (event.type === "storage-init") {
      const { report } = event;
      if (report.type === "alive" && report.bootNs === this.#deadlineSentNs) this.#deadlineAliveNs = report.bootNs;
      if (report.type === "gone") this.goneKnown = true;
    }
    if (event.type === "storage-gone") {
      this.goneKnown = true;
      this.#unproven = !event.proven;
    }
    if (event.type === "storage-message") {
      const { message } = event;
      if (message.type === "up" && this.#upAsked && !this.killSent) this.up = true;
      // Only an answer counts, and only from a process that was not killed meanwhile.
      if (message.type === "down" && this.downSent && !this.killSent && !isOver) this.#clean ||= message.clean;
    }
    if (event.type === "storage-cut" && this.#cuts > 0 && event.outcome.kind === "code" && event.outcome.code === 0)
      this.#cut = event.output.startsWith('{"kind":"cut"');
  }

  /** At the deadline and with the loss of the lease everything is to be over, whatever was under way. */
  after(event: GuardEvent, given: Circumstances, hasEnded: boolean): void {
    const mustBeDead = given.cut !== undefined && (given.taken || isReached(given.cut, given.now));
    must(
      !mustBeDead || this.killSent || this.goneKnown || hasEnded,
      `the storage tree is not killed after ${event.type}`,
    );
    const hangs = event.type === "wake" && given.now.monoMs - this.#downAtMs > given.state.limits.settleMs;
    must(!hangs || this.killSent || this.goneKnown || hasEnded, "an unmount that hangs is waited for");
  }

  check(effect: GuardEffect, given: Circumstances): void {
    switch (effect.type) {
      case "start-lock": {
        const { settle } = effect.config;
        const expected = this.#config.cut === "local" ? null : this.#config.cutProgram;
        return must(settle?.command === expected || settle === expected, "the lock process cannot cut the volumes");
      }
      case "to-storage-init":
        return this.#checkCommand(effect.command, given);
      case "to-storage":
        return this.#checkMessage(effect.message, given);
      case "start-tree": {
        must(++this.#trees === 1, "a second tree");
        must(this.up, "the application's tree comes before its volumes");
        const pid = effect.join?.pid;
        must(
          this.#config.mounts ? pid === STORAGE_INIT.pid : pid === undefined,
          "the application's tree is made in the wrong place",
        );
        this.#mustHold("start-tree", given);
        this.innerTreeJoined = pid !== undefined;
        return;
      }
      case "cut-storage":
        must(++this.#cuts === 1, "cut twice");
        must(this.#started > 0 && this.#config.cut !== "local", "there is nothing to cut");
        must(!this.#clean, "what was unmounted is cut");
        must(!this.lives || this.#isGivenUp(given), "cut while the storage tree lives");
        return must(given.treeGone || given.state.leftover !== null, "cut while the application's tree lives");
      case "settle-volume":
        return must(false, "a strategy's volume is settled from outside of its tree");
    }
  }

  /** Before `released`: nothing is there that may still reach the storage. */
  checkReleased(): void {
    must(!this.lives && this.goneKnown, "released before the storage tree is known gone");
    must(!this.#unproven, "released although something of the storage tree may be left");
    const isOver = this.#clean || this.#cut || this.#started === 0 || this.#config.cut === "local";
    must(isOver, "released although the volumes are neither unmounted nor cut");
  }

  #isGivenUp({ now, state }: Circumstances): boolean {
    return state.leftover !== null && now.monoMs - this.#killedAtMs >= GIVEN_UP_MS;
  }

  #mustHold(what: string, { now, cut, lost, released, announced }: Circumstances): void {
    must(cut !== undefined && !isReached(cut, now), `${what} without a grant, or after it`);
    must(!lost && !released && !this.killSent, `${what} after the end of the grant`);
    must(announced, `${what} before the lock process knows the storage tree`);
    must(this.#deadlineSentNs !== undefined, `${what} before the storage init has a deadline`);
  }

  #checkCommand(command: InitCommand, given: Circumstances): void {
    const { now, cut, lost } = given;
    switch (command.type) {
      case "deadline": {
        must(!this.killSent, "a deadline for the storage tree after its kill");
        must(cut !== undefined && !lost, "a deadline for the storage tree without a grant");
        if (cut === undefined) return;
        const sentMs = Number(command.bootNs) / 1e6;
        must(sentMs <= cut.bootMs + EPSILON_MS, `storage deadline ${sentMs} beyond the cut ${cut.bootMs}`);
        must(sentMs - now.bootMs <= cut.monoMs - now.monoMs + EPSILON_MS, "storage deadline beyond the monotonic cut");
        this.#deadlineSentNs = command.bootNs;
        return;
      }
      case "start":
        must(++this.#started === 1, "the storage process is started twice");
        return this.#mustHold("the storage process", given);
      case "kill":
        must(!this.killSent, "the storage tree is killed twice");
        this.killSent = true;
        this.#killedAtMs = now.monoMs;
        return;
      case "env":
        return;
      default:
        return must(false, `${command.type} in the storage tree`);
    }
  }

  #checkMessage(message: GuardToStorage, given: Circumstances): void {
    this.#mustHold(message.type, given);
    switch (message.type) {
      case "up":
        must(this.#started === 1 && !this.#upAsked, "up without a process, or twice");
        must(message.grant.epoch === given.epoch, "up under another grant");
        this.#upAsked = true;
        return;
      case "fence-claim":
        return must(this.#config.claimFenceMs !== null, "a claim is fenced that nobody can fence");
      case "down":
        must(this.up && !this.downSent, "down without volumes, or twice");
        must(given.treeGone || given.state.leftover !== null, "unmounted under the application");
        this.downSent = true;
        this.#downAtMs = given.now.monoMs;
        this.#downAtMs = given.now.monoMs;
    }
  }
}

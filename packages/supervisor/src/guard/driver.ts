import { readFileSync } from "node:fs";
import { type MountEntry, parseMountinfo } from "@holdfast/core";
import { type ProcessIdentity, runBounded } from "@holdfast/effects";
import type { KeeperListener, TreeKeeper } from "../init/keeper.js";
import type { LockHandle } from "../lock-process.js";
import type { LockConfig } from "../lock-protocol.js";
import { openStorageChannel, type StorageChannel } from "../storage-process.js";
import type { GuardConfig } from "./config.js";
import type { GuardDeps } from "./deps.js";
import type { GuardEffect, GuardEvent, Reading } from "./events.js";
import { dueInMs, handle } from "./machine.js";
import type { GuardOutcome } from "./outcome.js";
import { createGuardState, type GuardState } from "./state.js";
import { describeStatus } from "./status.js";
import { watchTree } from "./tree-watch.js";

/** `setTimeout` takes no more; a longer wait is cut into several. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** A lock process that has said its last closes its store session; that spares others a session timeout. */
const LOCK_EXIT_MS = 1_000;
/** What /proc answers about a process that has ended. */
const GONE = ["ENOENT", "ESRCH", "EINVAL"];

/** How keepers are started; see `startKeeper`. */
export interface KeeperStarters {
  /** The application's tree, inside another one or on its own. */
  readonly tree: (listener: KeeperListener, join: ProcessIdentity | null) => TreeKeeper;
  /** The tree in which strategies work. */
  readonly storage: (listener: KeeperListener) => TreeKeeper;
}

/**
 * Carries out what the machine decides and tells it what happens. Nothing here decides, and nothing here waits: each
 * wait is a timer or a child with a limit whose end is an event.
 */
export class GuardDriver {
  readonly #deps: GuardDeps;
  readonly #starters: KeeperStarters;
  /** In the order in which they were started; the first one tells how volumes are read. */
  #tree: TreeKeeper | undefined;
  #storage: TreeKeeper | undefined;
  #storageChannel: StorageChannel | undefined;
  readonly #queue: GuardEvent[] = [];
  readonly #unsubscribe: () => void;
  #state: GuardState;
  #handling = false;
  #timer: NodeJS.Timeout | undefined;
  #locks = new Map<number, LockHandle>();
  readonly #stopWatching: (() => void)[] = [];
  #settle: ((outcome: GuardOutcome) => void) | undefined;
  #crash: ((error: unknown) => void) | undefined;
  #ended = false;
  #crashed = false;

  constructor(config: GuardConfig, deps: GuardDeps, starters: KeeperStarters) {
    this.#deps = deps;
    this.#starters = starters;
    // Before anything is started: a signal that comes in between must find a guard.
    this.#unsubscribe = deps.signals.subscribe((signal) => this.#dispatch({ type: "signal", signal }));
    const first = config.storage === null ? this.#startTree(null) : this.#startStorage();
    this.#state = createGuardState(config, first.tools, process.pid, this.#read());
  }

  /** Resolves when the run is over. Rejects on a defect; the caller must then exit, which ends the tree. */
  run(): Promise<GuardOutcome> {
    return new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#crash = reject;
      this.#dispatch({ type: "begin", mounts: readMountsNow() });
    });
  }

  status(): unknown {
    return describeStatus(this.#state, this.#read());
  }

  #startTree(join: ProcessIdentity | null): TreeKeeper {
    const keeper = this.#starters.tree(
      {
        onReport: (report) => this.#dispatch({ type: "init", keeper: keeper.keeper, report }),
        onStepEnded: (id, outcome, output) =>
          this.#dispatch({ type: "step-ended", id, outcome, output, mounts: this.#mounts() }),
        onClosed: (how) => this.#dispatch({ type: "init-closed", how }),
      },
      join,
    );
    this.#tree = keeper;
    return keeper;
  }

  #startStorage(): TreeKeeper {
    const keeper = this.#starters.storage({
      onReport: (report) => this.#dispatch({ type: "storage-init", report }),
      // No step is ever run there: strategies are the tree's only business.
      onStepEnded: () => undefined,
      onClosed: (how) => this.#dispatch({ type: "storage-closed", how }),
    });
    this.#storage = keeper;
    if (keeper.channel !== null) {
      const { input, output } = keeper.channel;
      this.#storageChannel = openStorageChannel(input, output, (message) =>
        this.#dispatch({ type: "storage-message", message }),
      );
    }
    return keeper;
  }

  /** As the application sees them: volumes that a strategy mounted are in its own mount namespace only. */
  #mounts(): MountEntry[] {
    const { tree, config } = this.#state;
    return readMountsNow(config.storage?.mounts === true && tree.kind === "up" ? tree.init.pid : "self");
  }

  /** Without an entry there is no such process any more, and its end has a name of its own. */
  #seeMounts(): void {
    const mounts = this.#mounts();
    if (mounts.length > 0) this.#dispatch({ type: "mounts-seen", mounts });
  }

  #read(): Reading {
    return { now: this.#deps.clock.now(), wall: this.#deps.clock.wallTime() };
  }

  #dispatch(event: GuardEvent): void {
    this.#queue.push(event);
    // Effects may bring events at once; they are handled after the one that caused them. So may the start of the keeper.
    if (this.#handling || this.#crashed || this.#settle === undefined) return;
    this.#handling = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const { state, effects } = handle(this.#state, next, this.#read());
        this.#state = state;
        for (const effect of effects) this.#apply(effect);
      }
    } catch (error) {
      // A state that is not understood decides nothing more; the caller exits, and with this process everything ends.
      this.#crashed = true;
      clearTimeout(this.#timer);
      this.#crash?.(error);
      return;
    } finally {
      this.#handling = false;
    }
    this.#arm();
  }

  /** One timer, for whatever is due next: an idle guard wakes up for renewals and for the mount table, for nothing else. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    const inMs = dueInMs(this.#state, this.#read());
    if (inMs === null) return;
    // Timers run before sockets are read. What has arrived by now is handled first, see `handle`.
    this.#timer = setTimeout(
      () => setImmediate(() => this.#dispatch({ type: "wake" })),
      Math.min(Math.ceil(inMs), TIMER_MS_MAX),
    );
  }

  #apply(effect: GuardEffect): void {
    switch (effect.type) {
      case "start-lock":
        return this.#startLock(effect.generation, effect.config);
      case "kill-lock":
        return this.#locks.get(effect.generation)?.kill();
      case "to-lock":
        return this.#locks.get(this.#state.lock.generation)?.send(effect.message);
      case "to-init":
        return this.#tree?.send(effect.command);
      case "start-tree":
        this.#startTree(effect.join);
        return;
      case "to-storage-init":
        return this.#storage?.send(effect.command);
      case "to-storage":
        return this.#storageChannel?.send(effect.message);
      case "hurry-tree":
        return this.#tree?.hurry();
      case "hurry-storage":
        return this.#storage?.hurry();
      case "watch-tree":
        this.#stopWatching.push(watchTree(effect, (proven, how) => this.#dispatch({ type: "tree-gone", proven, how })));
        return;
      case "watch-storage":
        this.#stopWatching.push(
          watchTree(effect, (proven, how) => this.#dispatch({ type: "storage-gone", proven, how })),
        );
        return;
      case "cut-storage":
        void runBounded(effect.argv, effect.timeoutMs).then(({ outcome, output }) =>
          this.#dispatch({ type: "storage-cut", outcome, output }),
        );
        return;
      case "look-at-volume":
        void runBounded(effect.argv, effect.timeoutMs).then(({ outcome, output }) =>
          this.#dispatch({ type: "look-ended", outcome, output, mounts: readMountsNow() }),
        );
        return;
      case "look-at-mounts":
        return this.#seeMounts();
      case "settle-volume":
        void runBounded(effect.argv, effect.timeoutMs).then(({ outcome, output }) =>
          this.#dispatch({ type: "volume-settled", outcome, output }),
        );
        return;
      case "log":
        return this.#deps.logger.log(effect.level, effect.message, effect.fields);
      case "end":
        return this.#end({ exitCode: effect.exitCode, report: effect.report });
    }
  }

  #startLock(generation: number, config: LockConfig): void {
    let lock: LockHandle;
    try {
      lock = this.#deps.spawnLock();
    } catch (error) {
      // No process to be had at the moment. The application lives on, and the next try comes soon.
      const how = `it could not be started: ${error instanceof Error ? error.message : String(error)}`;
      return this.#dispatch({ type: "lock-exit", generation, how });
    }
    this.#locks.set(generation, lock);
    lock.onMessage((message) => this.#dispatch({ type: "lock-message", generation, message }));
    lock.onExit((how) => {
      this.#locks.delete(generation);
      this.#dispatch({ type: "lock-exit", generation, how });
    });
    lock.send({ type: "config", config });
  }

  #end(outcome: GuardOutcome): void {
    this.#ended = true;
    const limit = setTimeout(() => finish(), LOCK_EXIT_MS);
    const finish = () => {
      clearTimeout(limit);
      for (const lock of this.#locks.values()) lock.kill();
      this.#settle?.(outcome);
    };
    const last = this.#locks.get(this.#state.lock.generation);
    if (last === undefined) finish();
    else last.onExit(() => finish());
  }

  /** Lets go of everything. Not before the run is over and reported: until then a signal must find its handler. */
  dispose(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stopWatching) stop();
    this.#unsubscribe();
    this.#tree?.dispose();
    this.#storage?.dispose();
  }
}

/** Synchronous on purpose: /proc never blocks, and a thread pool full of calls that hang would not get to it. */
function readMountsNow(of: number | "self" = "self"): MountEntry[] {
  try {
    return parseMountinfo(readFileSync(`/proc/${of}/mountinfo`, "utf8"));
  } catch (error) {
    // That process has just ended, and its mounts with it; its end is told by others.
    const isGone = error instanceof Error && "code" in error && GONE.includes(String(error.code));
    if (of !== "self" && isGone) return [];
    throw error;
  }
}

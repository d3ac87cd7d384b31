import { monitorEventLoopDelay } from "node:perf_hooks";
import {
  Attempts,
  acquireLease,
  type HeldLease,
  type LeaseContext,
  resumeLease,
  writeHistory,
} from "@holdfast/coordination";
import {
  type CoordinationStore,
  cutDeadline,
  type HistoryEntry,
  hasCode,
  type Instant,
  type LeaseTiming,
  storePaths,
  timeBudget,
} from "@holdfast/core";
import { type ProcessIdentity, systemClock } from "@holdfast/effects";
import type { GuardToLock, LockConfig } from "@holdfast/supervisor";
import { openStore } from "../store-url.js";
import { endAfterGuard } from "./after-guard.js";
import type { GuardChannel } from "./channel.js";
import { describeFailure } from "./failure.js";
import { handoverOf } from "./handover.js";
import { describeRecord, grantedMessage, holderOf } from "./holder.js";
import { awaitFenceReceipt } from "./pending-fence.js";

/** Resolution of the event-loop delay histogram: coarse, because a finer timer would itself be the load. */
const DELAY_RESOLUTION_MS = 100;
const STATISTICS_EVERY_MS = 5_000;
const RESUME_PAUSE_MS = 50;
const LAST_WORDS_MS = 2_000;

type Message<T extends GuardToLock["type"]> = Extract<GuardToLock, { type: T }>;

/** One run's side of the store: becomes a candidate, holds, renews when told, releases. */
export class LockProcess {
  readonly #exit: (code: number) => void;
  readonly #ended = new AbortController();
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  #channel: GuardChannel | undefined;
  #config: LockConfig | undefined;
  #context: LeaseContext | undefined;
  #store: Promise<CoordinationStore> | undefined;
  #lease: HeldLease | undefined;
  readonly #trees: ProcessIdentity[] = [];
  /** Aborts renewals and waiting, not the release that may follow. */
  readonly #active = new AbortController();
  #renewal: { n: number; deadline: Instant } | undefined;
  #renewing: Promise<void> | undefined;
  #statisticsAtMs = 0;
  /** Cut deadline of the last confirmation: after it nothing of the tree may be alive. */
  #deadline: Instant = systemClock.now();
  #guardGone = false;
  #releasing = false;

  constructor(exit: (code: number) => void) {
    this.#exit = exit;
    this.#delay.enable();
  }

  attach(channel: GuardChannel): void {
    this.#channel = channel;
  }

  handle(message: GuardToLock): void {
    switch (message.type) {
      case "config":
        this.#configure(message.config);
        break;
      case "acquire":
        this.#background(this.#acquire(message));
        break;
      case "renew":
        this.#renew(message);
        break;
      case "tree":
        this.#announce(message.init);
        break;
      case "history":
        this.#background(this.#history(message));
        break;
      case "release":
        this.#background(this.#release(message));
        break;
      case "leave":
        this.#background(this.#leave());
        break;
    }
  }

  /** The guard died or closed its end: nobody keeps the deadline but the kernel. End what it left, then release. */
  guardIsGone(): void {
    if (this.#guardGone || this.#releasing) return;
    this.#guardGone = true;
    this.#background(this.#endAfterGuard());
  }

  #announce(tree: ProcessIdentity): void {
    if (!this.#trees.some(({ pid, startTicks }) => pid === tree.pid && startTicks === tree.startTicks))
      this.#trees.push(tree);
  }

  #configure(config: LockConfig): void {
    this.#config = config;
    // Of a grant that another process won only this much is known: the guard's deadline is no later.
    if (config.resume !== null) this.#deadline = cutDeadline(systemClock.now(), config.timing);
    const opening = this.#open(config);
    this.#store = opening;
    this.#background(
      opening.then(
        (store) => this.#channel?.send({ type: "connected", store: store.description }),
        (error: unknown) => this.#failed(error),
      ),
    );
    if (config.resume !== null) this.#background(this.#resume(config, config.resume));
  }

  async #open(config: LockConfig): Promise<CoordinationStore> {
    const budget = timeBudget(config.timing);
    const store = await openStore({
      mayCreate: true,
      url: config.store,
      credentials: config.credentials,
      silenceMs: budget.silenceMs,
      sessionTimeoutMs: config.timing.leaseMs,
      timeoutMs: Math.max(5_000, budget.silenceMs * 2),
      // A run that has a grant goes on trying: the deadline, not the first refusal, ends it.
      retryUntil: config.resume === null ? null : this.#active.signal,
    });
    const { service, agent, machine, guardPid, task, timing } = config;
    this.#context = {
      store,
      paths: {
        lease: storePaths.lease(service),
        history: storePaths.history(service),
        queue: storePaths.queue(service),
      },
      identity: {
        service,
        agent,
        machineId: machine.machineId,
        bootId: machine.bootId,
        host: machine.host,
        pid: guardPid,
        task,
      },
      timing,
      clock: systemClock,
    };
    return store;
  }

  async #acquire({ volume }: Message<"acquire">): Promise<void> {
    try {
      await this.#store;
    } catch {
      return; // reported by #configure
    }
    const context = this.#context;
    const config = this.#config;
    if (context === undefined || config === undefined) throw new Error("acquire before config");
    try {
      const acquired = await acquireLease(context, {
        volume:
          volume === null
            ? null
            : { epoch: volume.epoch === null ? null : BigInt(volume.epoch), leaseMs: volume.leaseMs },
        firstRun: config.firstRun,
        leaseMsMax: config.leaseMsMax,
        wait: config.wait,
        signal: this.#active.signal,
        onWaiting: ({ record, place, why }) =>
          this.#channel?.send({
            type: "waiting",
            epoch: (record?.epoch ?? 0n).toString(),
            state: record?.state.kind ?? "missing",
            holder: record?.state.kind === "held" ? describeRecord(record) : null,
            place,
            why,
          }),
      });
      this.#lease = acquired.lease;
      const { lease, stamp } = acquired;
      this.#deadline = cutDeadline(stamp, this.#timing());
      this.#channel?.send(grantedMessage(acquired));
      this.#background(this.#awaitFence(lease));
      this.#background(this.#awaitHandover(lease));
    } catch (error) {
      if (this.#active.signal.aborted) return;
      await this.#failed(error);
    }
  }

  async #awaitFence(lease: HeldLease): Promise<void> {
    const epoch = lease.record.pendingFence?.epoch;
    if (this.#context === undefined || epoch === undefined) return;
    const warn = (message: string) => this.#channel?.send({ type: "warning", code: "NO_RECEIPT", message });
    if (!(await awaitFenceReceipt(this.#context, epoch, warn, this.#active.signal))) return;
    lease.clearPendingFence();
    this.#channel?.send({ type: "fenced", epoch: epoch.toString() });
  }

  async #awaitHandover(lease: HeldLease): Promise<void> {
    if (this.#context === undefined) return;
    const message = await handoverOf(this.#context, lease, this.#active.signal);
    if (message !== null) this.#channel?.send(message);
  }

  async #resume(config: LockConfig, grant: NonNullable<LockConfig["resume"]>): Promise<void> {
    await this.#store;
    const context = this.#context;
    if (context === undefined) throw new Error("resumed without a store");
    const attempts = new Attempts(context.clock);
    const silenceMs = timeBudget(config.timing).silenceMs;
    while (!this.#active.signal.aborted) {
      try {
        const lease = await resumeLease(
          context,
          attempts,
          { run: grant.run, epoch: BigInt(grant.epoch), created: grant.created },
          { timeoutMs: silenceMs, signal: this.#active.signal },
        );
        if (lease !== "stale") {
          this.#lease = lease;
          this.#startRenewal();
          // The former process may have died before it saw the receipt, or wrote that it had.
          this.#background(this.#awaitFence(lease));
          this.#background(this.#awaitHandover(lease));
          return;
        }
      } catch (error) {
        if (this.#active.signal.aborted) return;
        if (hasCode(error, "LEASE_LOST")) {
          this.#channel?.send({ type: "lost", ...describeFailure(error) });
          return;
        }
        if (!hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME", "DENIED")) throw error;
      }
      await context.clock.sleep(RESUME_PAUSE_MS);
    }
  }

  #renew({ n, deadline }: Message<"renew">): void {
    // The answer proves to the guard that this process is not stopped; it says nothing about the grant.
    this.#channel?.send({ type: "renewing", n });
    this.#renewal = { n, deadline };
    this.#startRenewal();
  }

  #startRenewal(): void {
    const lease = this.#lease;
    if (lease === undefined || this.#renewing !== undefined || this.#renewal === undefined || this.#releasing) return;
    this.#renewing = this.#renewOnce(lease, this.#renewal.deadline).finally(() => {
      this.#renewing = undefined;
    });
    this.#background(this.#renewing);
  }

  async #renewOnce(lease: HeldLease, deadline: Instant): Promise<void> {
    const sentAtMs = systemClock.now().monoMs;
    const result = await lease.renew(deadline, this.#active.signal);
    const n = this.#renewal?.n ?? 0;
    switch (result.kind) {
      case "confirmed":
        this.#deadline = cutDeadline(result.stamp, this.#timing());
        this.#channel?.send({ type: "confirmed", n, stamp: result.stamp, epoch: lease.epoch.toString() });
        this.#statistics(systemClock.now().monoMs - sentAtMs);
        return;
      case "unconfirmed":
        this.#channel?.send({ type: "unconfirmed", n, why: result.why });
        return;
      case "lost":
        this.#channel?.send({
          type: "lost",
          code: "LEASE_LOST",
          message: `The lease is lost: ${result.why}.`,
          hint: "The application is stopped; see `holdfast lock history`.",
        });
    }
  }

  #timing(): LeaseTiming {
    if (this.#config === undefined) throw new Error("a grant before the configuration");
    return this.#config.timing;
  }

  #statistics(storeLatencyMs: number): void {
    const nowMs = systemClock.now().monoMs;
    if (nowMs - this.#statisticsAtMs < STATISTICS_EVERY_MS) return;
    this.#statisticsAtMs = nowMs;
    const endpoint = this.#context?.store.health().endpoint ?? "";
    const max = this.#delay.max / 1e6;
    this.#channel?.send({ type: "statistics", eventLoopDelayMsMax: max, storeLatencyMs, endpoint });
  }

  async #history({ id, kind, note }: Message<"history">): Promise<void> {
    try {
      await this.#writeHistory(kind, note, this.#active.signal);
      this.#channel?.send({ type: "history-done", id, error: null });
    } catch (error) {
      this.#channel?.send({ type: "history-done", id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  async #writeHistory(kind: HistoryEntry["kind"], note: string, signal: AbortSignal): Promise<void> {
    const context = this.#context;
    const lease = this.#lease;
    if (context === undefined || lease === undefined) throw new Error("history without a grant");
    const entry = {
      kind,
      epoch: lease.epoch,
      run: lease.run,
      agent: context.identity.agent,
      leaseMs: context.timing.leaseMs,
      note,
    };
    await writeHistory(context, entry, { timeoutMs: timeBudget(context.timing).silenceMs, signal });
  }

  async #release({ state, note }: Message<"release">): Promise<void> {
    if (this.#releasing) return;
    this.#releasing = true;
    const why = await this.#releaseLease(state, note);
    this.#channel?.send(why === null ? { type: "released" } : { type: "release-failed", message: why });
    await this.#end(0);
  }

  async #releaseLease(state: Message<"release">["state"], note: string): Promise<string | null> {
    this.#active.abort();
    await this.#renewing;
    const lease = this.#lease;
    const context = this.#context;
    if (lease === undefined || context === undefined) return "there is no grant to release";
    const limit = AbortSignal.timeout(context.timing.leaseMs);
    const left =
      state.kind === "yield" ? { epoch: lease.epoch, agent: context.identity.agent, what: state.needsFence } : null;
    const result = await lease.release(state, left, limit);
    // Last words: they must not keep a successor, who can start by now, nor this process for long.
    await this.#writeHistory(
      state.kind === "yield" ? "yielded" : "stopped",
      note,
      AbortSignal.timeout(LAST_WORDS_MS),
    ).catch((error: unknown) =>
      this.#channel?.send({ type: "warning", code: "HISTORY_NOT_WRITTEN", message: String(error) }),
    );
    return result.kind === "released" ? null : result.why;
  }

  async #leave(): Promise<void> {
    // Won at the very moment: the guard announces the tree first of all, so nothing was started under it.
    if (this.#lease !== undefined && this.#trees.length === 0 && this.#config?.resume === null)
      return this.#release({ type: "release", state: { kind: "released" }, note: "won too late" });
    this.#active.abort();
    await this.#end(0);
  }

  async #endAfterGuard(): Promise<void> {
    const { leaving, state, note } = await endAfterGuard({
      lease: this.#lease,
      trees: this.#trees,
      resumed: this.#config?.resume !== null,
      settle: this.#config?.settle ?? null,
      deadline: this.#deadline,
    });
    if (leaving) return this.#leave();
    this.#releasing = true;
    await this.#releaseLease(state, note);
    await this.#end(0);
  }

  async #failed(error: unknown): Promise<void> {
    const holder = holderOf(error);
    this.#channel?.send({ type: "failed", ...describeFailure(error), holder });
    await this.#end(1);
  }

  async #end(code: number): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#active.abort();
    const store = await this.#store?.catch(() => undefined);
    await store?.close();
    await this.#channel?.flush();
    this.#exit(code);
  }

  /** A rejection here is a defect: it ends the process through the handler of unhandled rejections. */
  #background(work: Promise<unknown>): void {
    void work;
  }
}

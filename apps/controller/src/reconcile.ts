import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { Wakeup } from "@holdfast/coordination";
import { HoldfastError, hasCode, type Operation, planReconcile, type ReconcilePlan, storePaths } from "@holdfast/core";
import { carryOut } from "./carry-out.js";
import { beginOperation, type Leading } from "./journal.js";
import { listServices, readCatalogue } from "./records.js";
import { observeService } from "./world.js";

export interface ReconcilerOptions {
  /** Between two looks at everything, milliseconds; what changes is looked at sooner. */
  readonly roundMs: number;
  /** Services looked at side by side. */
  readonly looksMax?: number;
  /** Operations under way at once; Marathon is given no more deployments than that. */
  readonly operationsMax?: number;
}

const LOOKS_MAX = 32;
const OPERATIONS_MAX = 50;
const LISTEN_PAUSE_MS = 1_000;

/** What is done next about one service, as of one look. */
export interface Decision {
  readonly plan: ReconcilePlan;
  /** To be carried out; null = nothing is. */
  readonly operation: Operation | null;
}

/** Looks, decides, and puts what is to be done on record. @throws store errors; undefined = it is in no catalogue. */
export async function decide(leading: Leading, service: string, signal: AbortSignal): Promise<Decision | undefined> {
  const { context } = leading;
  const catalogue = await readCatalogue(context, service, signal);
  if (catalogue === undefined) return undefined;
  const { world } = await observeService(context, catalogue, signal);
  const plan = planReconcile(world, context.limits);
  if (plan.kind === "resume") return { plan, operation: plan.operation };
  if (plan.kind !== "act") return { plan, operation: null };
  const at = context.clock.wallTime();
  const operation: Operation = {
    ...{ id: randomUUID(), kind: plan.operation, reason: plan.why.slice(0, 300), at, automatic: plan.automatic },
    ...{ by: plan.automatic ? "controller" : catalogue.by, generation: catalogue.generation, digest: plan.digest },
    ...{ handover: null, state: "asked", steps: plan.steps.map((verb) => ({ verb, state: "planned" as const, at })) },
  };
  await beginOperation(leading, service, operation, signal);
  return { plan, operation };
}

/** The loop of a leader: observe, plan, apply, for every service in the catalogue, until the signal aborts. */
export class Reconciler {
  readonly #leading: Leading;
  readonly #options: Required<ReconcilerOptions>;
  readonly #wakeup = new Wakeup();
  readonly #due = new Set<string>();
  /** One each: thousands of listeners on one signal would make every call that is given it slow. */
  readonly #watches = new Map<string, AbortController>();
  readonly #busy = new Map<string, Promise<void>>();
  readonly #told = new Map<string, string>();
  #everything = true;

  constructor(leading: Leading, options: ReconcilerOptions) {
    this.#leading = leading;
    this.#options = { looksMax: LOOKS_MAX, operationsMax: OPERATIONS_MAX, ...options };
  }

  /** Looks at this service, or at all of them, now. */
  wake(service: string | null): void {
    if (service === null) this.#everything = true;
    else this.#due.add(service);
    this.#wakeup.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    setMaxListeners(0, both); // services are looked at side by side
    const listening = this.#listen(both);
    try {
      await this.#loop(both);
    } finally {
      // Nothing of a leader goes on after it, whichever way it ends.
      ended.abort(new Error("the reconcile loop has ended"));
      for (const watching of this.#watches.values()) watching.abort();
      await Promise.all([listening, ...this.#busy.values()]);
    }
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock } = this.#leading.context;
    let roundAtMs = clock.now().monoMs;
    while (!signal.aborted) {
      try {
        if (this.#everything || clock.now().monoMs >= roundAtMs) {
          this.#everything = false;
          roundAtMs = clock.now().monoMs + this.#options.roundMs;
          for (const service of await listServices(this.#leading.context, signal)) this.#due.add(service);
        }
        await this.#lookAtDue(signal);
      } catch (error) {
        if (signal.aborted) break;
        if (!hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME")) throw error;
        this.#everything = true; // the store is away; what runs goes on
        await clock.sleep(LISTEN_PAUSE_MS, signal).catch(ignoreAbort(signal));
        continue;
      }
      const pauseMs = Math.max(1, roundAtMs - clock.now().monoMs);
      await this.#wakeup.wait(clock, pauseMs, signal).catch(ignoreAbort(signal));
    }
  }

  async #lookAtDue(signal: AbortSignal): Promise<void> {
    const names = [...this.#due].filter((name) => !this.#busy.has(name));
    for (const name of names) this.#due.delete(name);
    const next = names[Symbol.iterator]();
    const worker = async () => {
      for (const name of next) await this.#lookAt(name, signal);
    };
    const results = await Promise.allSettled(Array.from({ length: this.#options.looksMax }, worker));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #lookAt(service: string, signal: AbortSignal): Promise<void> {
    this.#watch(service);
    if (this.#busy.size >= this.#options.operationsMax) {
      this.#due.add(service);
      return;
    }
    try {
      const decision = await decide(this.#leading, service, signal);
      if (decision === undefined) return;
      this.#tell(service, decision.plan);
      if (decision.operation !== null) this.#start(service, decision.operation, signal);
    } catch (error) {
      if (signal.aborted || hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME")) throw error;
      if (hasCode(error, "STALE_EPOCH")) throw superseded(error);
      // An operator asked for something just now; that is found at the next look.
      if (hasCode(error, "BUSY")) return;
      // Records that cannot be read, or an unknown defect: that service's trouble and nobody else's.
      this.#tellOnce(service, `cannot be looked at: ${String(error)}`, { error: String(error) });
    }
  }

  #start(service: string, operation: Operation, signal: AbortSignal): void {
    const { logger } = this.#leading.context;
    const work = carryOut(this.#leading, service, operation, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) logger.log("error", "an operation was left", { service, error: String(error) });
      })
      .finally(() => {
        this.#busy.delete(service);
        this.wake(service);
      });
    this.#busy.set(service, work);
  }

  /** A pause, a new definition or a handover is acted upon at once; the round is for a watch that was lost. */
  #watch(service: string): void {
    if (this.#watches.has(service)) return;
    const watching = new AbortController();
    this.#watches.set(service, watching);
    const { store } = this.#leading.context;
    for (const path of [storePaths.catalogue(service), storePaths.decisions(service), storePaths.pause(service)]) {
      store.watch(path, () => this.wake(service), watching.signal);
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { context, emit } = this.#leading;
    while (!signal.aborted) {
      try {
        for await (const { kind, service, detail } of context.orchestrator.events(context.op(signal))) {
          emit({ kind: "orchestrator", service, at: context.clock.wallTime(), detail: { event: kind, ...detail } });
          this.wake(service);
        }
      } catch (error) {
        if (signal.aborted) return;
        context.logger.log("warn", "the orchestrator's events ended", { error: String(error) });
      }
      await context.clock.sleep(LISTEN_PAUSE_MS, signal).catch(ignoreAbort(signal));
    }
  }

  #tell(service: string, plan: ReconcilePlan): void {
    if (plan.kind === "settled") this.#tellOnce(service, plan.why, { plan: plan.kind });
    else if (plan.kind === "wait")
      this.#tellOnce(service, plan.code, { plan: plan.kind, code: plan.code, why: plan.why });
    else this.#told.delete(service);
  }

  #tellOnce(service: string, what: string, detail: Readonly<Record<string, unknown>>): void {
    if (this.#told.get(service) === what) return;
    this.#told.set(service, what);
    const { context, emit } = this.#leading;
    emit({ kind: "plan", service, at: context.clock.wallTime(), detail });
    if (detail.plan !== "settled") context.logger.log("warn", `${service}: ${what}`, detail);
  }
}

function superseded(cause: unknown): HoldfastError {
  return new HoldfastError("LEASE_LOST", "Another controller leads; this one has stopped.", {
    hint: "Nothing is to be done.",
    cause,
  });
}

function ignoreAbort(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

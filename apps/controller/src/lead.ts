import { setMaxListeners } from "node:events";
import { runElection, type ServedService, serveRequests, updateRecord } from "@holdfast/coordination";
import {
  hasCode,
  type LeaderRecord,
  type LeaseTiming,
  leaderRecordFormat,
  serviceSchema,
  storePaths,
} from "@holdfast/core";
import type { ControllerContext } from "./context.js";
import type { ControllerEvent } from "./events.js";
import type { Leading } from "./journal.js";
import { Reconciler, type ReconcilerOptions } from "./reconcile.js";
import { readCatalogue } from "./records.js";

/** Name of the controller's own lease, among controllers of one store. */
const LEASE_NAME = "holdfast-controller";

export interface LeadOptions extends ReconcilerOptions {
  readonly timing: LeaseTiming;
  /** Base of this process's API, for the others; null = they cannot say where the leader is. */
  readonly url: string | null;
  readonly signal: AbortSignal;
  readonly emit: (event: ControllerEvent) => void;
  /** Null = no longer. */
  readonly onLeading: (reconciler: Reconciler | null) => void;
  /** Runs beside, only in the process that leads: an orchestrator that lives in this program. */
  readonly whileLeading?: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/** Waits for the lead, leads, and begins again, until the signal aborts. @throws what makes leading impossible. */
export async function runController(context: ControllerContext, options: LeadOptions): Promise<void> {
  const { signal, timing } = options;
  const { store, clock } = context;
  const { lease, history, queue } = storePaths.controller;
  const identity = { ...context.process, service: LEASE_NAME };
  await runElection(
    { store, clock, timing, identity, paths: { lease, history, queue } },
    {
      signal,
      leaseMsMax: timing.leaseMs,
      lead: (epoch, leading) => lead({ context, epoch, emit: options.emit }, options, leading),
    },
  );
}

async function lead(leading: Leading, options: LeadOptions, signal: AbortSignal): Promise<void> {
  const { context, epoch } = leading;
  await announce(leading, options.url, signal);
  const reconciler = new Reconciler(leading, options);
  options.onLeading(reconciler);
  context.logger.log("info", "this controller leads", { epoch: epoch.toString() });
  leading.emit({ kind: "leader", service: null, at: context.clock.wallTime(), detail: { epoch: epoch.toString() } });
  // One that fails ends the others: a leader that only does half of its work must make room for one that does all.
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  setMaxListeners(0, both); // every service is watched with it
  const parts = [
    reconciler.run(both),
    serve(leading, both),
    ...(options.whileLeading === undefined ? [] : [options.whileLeading(both)]),
  ].map((part) =>
    part.catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  const results = await Promise.allSettled(parts);
  options.onLeading(null);
  if (signal.aborted || results.every(({ status }) => status === "fulfilled")) return;
  // A journal shows a later leader: this one makes room, and is a candidate again.
  const { reason } = failed.signal;
  if (!hasCode(reason, "LEASE_LOST")) throw reason;
  context.logger.log("warn", "another controller leads", { epoch: epoch.toString() });
}

async function announce({ context, epoch }: Leading, url: string | null, signal: AbortSignal): Promise<void> {
  const record: LeaderRecord = { v: 1, epoch, by: context.by, url, since: context.clock.wallTime() };
  const decide = (before: LeaderRecord | undefined) =>
    before === undefined || before.epoch < epoch ? { ...before, ...record } : before;
  await updateRecord(context, storePaths.controller.leader, leaderRecordFormat, decide, signal);
}

/** The storage side of runs that ask for it; it does not pause, because a run that won its lease waits for it. */
async function serve({ context, emit }: Leading, signal: AbortSignal): Promise<void> {
  await serveRequests(context, {
    ...{ by: context.by, signal, op: async (_, ended) => context.op(ended) },
    resolve: (name) => servedService(context, name, signal),
    onStep: (service, step) => emit({ kind: "storage", service, at: context.clock.wallTime(), detail: { step } }),
    onWait: (service, role, why, code) => {
      emit({ kind: "storage", service, at: context.clock.wallTime(), detail: { role, waitsFor: why, code } });
    },
    onFailed: (service, error) => {
      context.logger.log("error", "a run did not get its storage", { service, error: String(error) });
    },
  });
}

async function servedService(
  context: ControllerContext,
  name: string,
  signal: AbortSignal,
): Promise<ServedService | undefined> {
  const catalogue = await readCatalogue(context, name, signal);
  const parsed = serviceSchema.safeParse(catalogue?.definition);
  if (!parsed.success || parsed.data.spec.exclusivity.controllerSide !== "controller") return undefined;
  const { volumes } = await context.resolve(parsed.data, signal);
  return { volumes, limitMs: parsed.data.spec.exclusivity.attachTimeoutMs };
}

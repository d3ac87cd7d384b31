import { handOver, readServiceLease, Wakeup, writeTombstone } from "@holdfast/coordination";
import {
  HoldfastError,
  hasCode,
  isReleased,
  type Operation,
  type PlannedVerb,
  storePaths,
  tookEffect,
} from "@holdfast/core";
import { CALL_MS, leaseContextOf, ORCHESTRATOR_MS } from "./context.js";
import { Journal, type Leading } from "./journal.js";
import { readCatalogue, readDecisions, readPause } from "./records.js";
import { observeService, type SeenWorld } from "./world.js";

const RELEASE_POLL_MS = 1_000;
/** Beyond what the service's own numbers say, for the orchestrator to pass the stop on. */
const RELEASE_SLACK_MS = 30_000;

/**
 * Carries an operation out, from where its journal says that it is, and ends it on record. Resolves early, leaving it as it
 * is, when the signal aborts, another controller leads, or a pause begins: whoever plans next finds it again.
 * @throws what cannot be written down: store errors that are final.
 */
export async function carryOut(
  leading: Leading,
  service: string,
  operation: Operation,
  signal: AbortSignal,
): Promise<void> {
  const journal = new Journal(leading, service, operation, signal);
  try {
    const end =
      operation.handover === null
        ? await doSteps(leading, service, operation, journal, signal)
        : await doHandOver(leading, service, operation, journal, signal);
    await journal.close(end === null ? {} : { note: end });
  } catch (error) {
    if (signal.aborted || error instanceof Paused) return;
    // This operation is somebody else's now, or ended; a stale grant of the service itself is a failure like others.
    if (hasCode(error, "STALE_EPOCH") && !(await isOurs(leading, service, operation, signal))) {
      leading.context.logger.log("info", "an operation is another controller's", { service, operation: operation.id });
      return;
    }
    leading.context.logger.log("warn", "an operation failed", { service, kind: operation.kind, error: String(error) });
    await journal.close({ failure: failureOf(error) });
  }
}

async function isOurs({ context, epoch }: Leading, service: string, { id }: Operation, signal: AbortSignal) {
  const record = await readDecisions(context, service, signal);
  return record !== undefined && record.leader <= epoch && record.current?.id === id;
}

/** What came of it, in words; null = nothing worth saying. */
type End = string | null;

/** No further step is begun; the operation stays as it is. */
class Paused extends Error {
  override readonly name = "Paused";
}

/** Steps in their order; each is done once, because the world is asked before one is done that may have been. */
async function doSteps(
  leading: Leading,
  service: string,
  operation: Operation,
  journal: Journal,
  signal: AbortSignal,
): Promise<End> {
  const { context } = leading;
  for (const { verb } of operation.steps) {
    if (journal.isDone(verb)) continue;
    if ((await readPause(context, service, signal)) !== null) throw new Paused(`paused before ${verb}`);
    const planned = verb as PlannedVerb;
    const seen = await look(leading, service, operation, signal);
    if (tookEffect(planned, seen.world)) await journal.skip(verb, "it was so already");
    else await journal.around(verb, () => doStep(leading, service, planned, seen, signal));
  }
  return null;
}

/** @throws `VERSION_CONFLICT` when the service was changed since the operation was planned. */
async function look(
  { context }: Leading,
  service: string,
  operation: Operation,
  signal: AbortSignal,
): Promise<SeenWorld> {
  const catalogue = await readCatalogue(context, service, signal);
  if (catalogue === undefined || catalogue.generation !== operation.generation) {
    throw moved(service, `generation ${catalogue?.generation ?? 0} is wanted, not ${operation.generation}`);
  }
  const seen = await observeService(context, catalogue, signal);
  const { place } = seen.world;
  if (operation.digest !== null && place.kind === "seen") {
    const digest = place.target.kind === "definition" ? place.target.digest : null;
    if (digest !== operation.digest) throw moved(service, "it compiles to another definition now");
  }
  return seen;
}

function moved(service: string, why: string): HoldfastError {
  return new HoldfastError("VERSION_CONFLICT", `${service} changed since this was planned: ${why}.`, {
    hint: "The next look plans anew.",
    retryable: true,
  });
}

async function doStep(
  { context }: Leading,
  service: string,
  verb: PlannedVerb,
  { compiled, world, service: spec }: SeenWorld,
  signal: AbortSignal,
): Promise<void> {
  const op = () => context.op(AbortSignal.any([signal, AbortSignal.timeout(ORCHESTRATOR_MS)]));
  switch (verb) {
    case "apply": {
      if (world.place.kind === "silent") throw silent(world.place.why);
      if (compiled === null) throw moved(service, "it cannot be compiled any more");
      return context.orchestrator.apply(op(), compiled);
    }
    case "stop": {
      if (world.place.kind === "silent") throw silent(world.place.why);
      return context.orchestrator.stop(op(), service);
    }
    case "await-release": {
      const { leaseMs = 30_000, stopBudgetMs = 10_000 } = spec?.spec.exclusivity ?? {};
      return awaitRelease(context, service, leaseMs + stopBudgetMs + RELEASE_SLACK_MS, signal);
    }
    case "tombstone": {
      const call = { timeoutMs: CALL_MS, signal, note: `destroyed by ${world.catalogue.by}` };
      await writeTombstone(leaseContextOf(context, service), call);
      return;
    }
    default:
      return verb satisfies never;
  }
}

function silent(why: string): HoldfastError {
  return new HoldfastError("UNKNOWN_OUTCOME", `Nothing was done: ${why}.`, {
    hint: "Look at the orchestrator; it is tried again.",
    retryable: true,
  });
}

async function awaitRelease(
  context: Leading["context"],
  service: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const untilMs = context.clock.now().monoMs + limitMs;
  const wakeup = new Wakeup();
  const ended = new AbortController();
  context.store.watch(storePaths.lease(service), wakeup.wake, AbortSignal.any([signal, ended.signal]));
  try {
    for (;;) {
      const seen = await readServiceLease(context, service, signal);
      if (seen === undefined || isReleased(seen.record)) return;
      if (context.clock.now().monoMs >= untilMs) throw notReleased(service, seen.record.state.kind, limitMs);
      await wakeup.wait(context.clock, RELEASE_POLL_MS, signal);
    }
  } finally {
    ended.abort();
  }
}

function notReleased(service: string, state: string, limitMs: number): HoldfastError {
  return new HoldfastError("BUSY", `The lease of ${service} is still ${state} after ${limitMs} ms.`, {
    hint: "Its last run ended without a release, or lives on. See `holdfast lock status`; it is looked at again.",
    retryable: true,
  });
}

async function doHandOver(
  leading: Leading,
  service: string,
  operation: Operation,
  journal: Journal,
  signal: AbortSignal,
): Promise<End> {
  const { context } = leading;
  const { handover, kind, by, reason } = operation;
  if (handover === null || (kind !== "switchover" && kind !== "failover")) throw new Error("not a handover");
  const catalogue = await readCatalogue(context, service, signal);
  if (catalogue === undefined) throw moved(service, "it is not in the catalogue");
  const { service: spec, resolved, world } = await observeService(context, catalogue, signal);
  if (spec === null || resolved === null) {
    const { place } = world;
    const why = place.kind === "seen" && place.target.kind === "waits" ? place.target.why : "it cannot be resolved";
    throw new HoldfastError("INVALID_SPEC", `${service} cannot be handed over: ${why}.`, {
      hint: "Correct the service file and apply it; or use `holdfast failover -f FILE` where its storage is reached.",
    });
  }
  const { exclusivity: timing } = spec.spec;
  const result = await handOver(leaseContextOf(context, service, timing), {
    ...{ kind, by, reason, timing, signal, volumes: resolved.volumes, op: context.op(signal) },
    ...{ to: handover.to, now: handover.now, startLimitMs: timing.attachTimeoutMs },
    onNews: (line) => context.logger.log("info", line, { service, operation: operation.id }),
    journal: {
      from: handover.from,
      isDone: (step) => journal.isDone(step),
      around: async (step, action) => {
        if ((await readPause(context, service, signal)) !== null) throw new Paused(`paused before ${step}`);
        return journal.around(step, action);
      },
    },
  });
  const totalMs = result.split.find(({ name }) => name === "total")?.ms;
  const took = totalMs === undefined ? "" : ` in ${totalMs} ms`;
  const how = result.released ? "" : ", without a release";
  return `epoch ${result.from.epoch} on ${result.from.agent} → epoch ${result.to.epoch} on ${result.to.agent}${took}${how}`;
}

function failureOf(error: unknown): NonNullable<Operation["failure"]> {
  const known = error instanceof Error && "code" in error && "hint" in error;
  const text = (value: unknown) => String(value).slice(0, 300);
  return {
    code: known ? text(error.code) : "INTERNAL",
    message: text(error instanceof Error ? error.message : error),
    hint: known ? text(error.hint) : "This is a defect in Holdfast; see the controller's log.",
  };
}

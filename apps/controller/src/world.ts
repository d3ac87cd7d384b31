import { readServiceLease } from "@holdfast/coordination";
import {
  type CatalogueRecord,
  type CompiledService,
  errorCode,
  type ObservedPlace,
  type ObservedService,
  type Service,
  type ServiceWorld,
  serviceSchema,
} from "@holdfast/core";
import * as z from "zod";
import { type ControllerContext, ORCHESTRATOR_MS, type ResolvedService } from "./context.js";
import { digestOf } from "./digest.js";
import { readDecisions, readPause, wallMs } from "./records.js";

/** A world with what it was made from, for whoever acts on it. */
export interface SeenWorld {
  readonly world: ServiceWorld;
  /** Null = the service cannot be compiled at present; the world says why. */
  readonly compiled: CompiledService | null;
  readonly service: Service | null;
  readonly resolved: ResolvedService | null;
}

/** Looks at everything that a decision about a service rests on; changes nothing. @throws store errors. */
export async function observeService(
  context: ControllerContext,
  catalogue: CatalogueRecord,
  signal: AbortSignal,
): Promise<SeenWorld> {
  const { service: name } = catalogue;
  // Side by side: with thousands of services a round is mostly waiting for the store.
  const [decisions, pause, seen, target] = await Promise.all([
    readDecisions(context, name, signal),
    readPause(context, name, signal),
    readServiceLease(context, name, signal),
    compile(context, catalogue, signal),
  ]);
  const place = await observePlace(context, name, target, signal);
  const { compiled, service, resolved } = target;
  const records = { catalogue, decisions: decisions ?? null, lease: seen?.record ?? null };
  return { world: { ...records, pause, place, nowMs: wallMs(context) }, compiled, service, resolved };
}

type Target = Omit<SeenWorld, "world"> & { readonly problem: { readonly code: string; readonly why: string } | null };

/** What cannot be compiled is part of the answer: it is that service's trouble, and is shown to whoever asks why. */
async function compile(context: ControllerContext, catalogue: CatalogueRecord, signal: AbortSignal): Promise<Target> {
  const parsed = serviceSchema.safeParse(catalogue.definition);
  if (!parsed.success) {
    const why = z.prettifyError(parsed.error).replaceAll("\n", "; ");
    return { compiled: null, service: null, resolved: null, problem: { code: "INVALID_SPEC", why } };
  }
  const service = parsed.data;
  let resolved: ResolvedService | null = null;
  try {
    resolved = await context.resolve(service, signal);
    if (resolved.placement.kind === "wait") {
      return { compiled: null, service, resolved, problem: { code: "NO_CAPACITY", why: resolved.placement.why } };
    }
    const compiled = context.orchestrator.compile(service, resolved.placement);
    return { compiled, service, resolved, problem: null };
  } catch (error) {
    const code = errorCode(error);
    if (signal.aborted || code === undefined || STORE_CODES.includes(code)) throw error;
    return { compiled: null, service, resolved, problem: { code, why: error instanceof Error ? error.message : code } };
  }
}

const STORE_CODES = ["STORE_UNREACHABLE", "UNKNOWN_OUTCOME", "STORE_CLOSED"];

async function observePlace(
  context: ControllerContext,
  name: string,
  { compiled, problem }: Target,
  signal: AbortSignal,
): Promise<ObservedPlace> {
  let observed: ObservedService;
  try {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(ORCHESTRATOR_MS)]);
    observed = await context.orchestrator.observe(context.op(bounded), name);
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "silent", why: `${context.orchestrator.type} did not answer: ${why}` };
  }
  if (compiled === null) {
    const { code, why } = problem ?? { code: "INTERNAL", why: "nothing was compiled" };
    return { kind: "seen", observed, target: { kind: "waits", code, why } };
  }
  const { definition } = compiled;
  const diff = context.orchestrator.diff(observed.definition, definition);
  return { kind: "seen", observed, target: { kind: "definition", digest: digestOf(definition), diff } };
}

import { randomUUID } from "node:crypto";
import {
  budgetOf,
  gradeOf,
  type HandOverPlan,
  lookAtService,
  lookAtVolumes,
  planHandOver,
  readServiceLease,
  type ServiceBudget,
  type ServiceGrade,
  volumeOutlook,
} from "@holdfast/coordination";
import {
  acknowledgeDecisions,
  type CatalogueRecord,
  type ChangePlan,
  type CompiledService,
  canonicalJson,
  HoldfastError,
  type LintFinding,
  type Operation,
  openOperation,
  type Pause,
  planBasis,
  planChange,
  type Service,
  serviceSchema,
} from "@holdfast/core";
import * as z from "zod";
import type { Caller } from "./auth/tokens.js";
import { CALL_MS, type ControllerContext, leaseContextOf } from "./context.js";
import { confirmationToken, digestOf } from "./digest.js";
import { readCatalogue, updateCatalogue, updateDecisions, wallMs, writePause } from "./records.js";
import { observeService, type SeenWorld } from "./world.js";

/** What an operator reads before saying yes. */
export interface ServicePlan extends ChangePlan {
  /** To be given with the apply: it is refused when the world moved. */
  readonly hash: string;
  /** Typed to confirm a destroy; null for everything else. */
  readonly confirm: string | null;
  readonly grade: ServiceGrade | null;
  readonly budget: ServiceBudget | null;
  readonly definition: CompiledService["definition"] | null;
  readonly reasons: CompiledService["reasons"];
  readonly warnings: readonly string[];
  readonly findings: readonly LintFinding[];
  /** What a destroy leaves where it is. */
  readonly keeps: readonly string[];
}

/** @throws `INVALID_SPEC` naming every key that is wrong. */
export function parseService(input: unknown): Service {
  const parsed = serviceSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => ({ key: path.join("."), message }));
  throw new HoldfastError("INVALID_SPEC", `Not a service: ${z.prettifyError(parsed.error).replaceAll("\n", "; ")}`, {
    hint: "Correct the keys that are named; see the reference of the service file.",
    detail: { problems },
  });
}

/** What applying this service would do. Reads, and writes nothing. */
export async function planService(
  context: ControllerContext,
  service: Service,
  caller: Caller,
  signal: AbortSignal,
): Promise<ServicePlan> {
  const before = await readCatalogue(context, service.metadata.name, signal);
  return planOf(context, nextRecord(context, service, before, caller, ""), before, signal);
}

/**
 * @param planHash - of the plan that was agreed to.
 * @throws `VERSION_CONFLICT` when the same request would be planned otherwise now; `INVALID_SPEC`; store errors.
 */
export async function applyService(
  context: ControllerContext,
  service: Service,
  planHash: string,
  caller: Caller,
  signal: AbortSignal,
): Promise<CatalogueRecord> {
  const { name } = service.metadata;
  const before = await readCatalogue(context, name, signal);
  const next = nextRecord(context, service, before, caller, planHash);
  const plan = await planOf(context, next, before, signal);
  if (plan.hash !== planHash) throw worldMoved(plan);
  requireApplicable(plan);
  if (plan.action === "none" && before !== undefined) return before;
  return writeCatalogue(context, next, plan.generation, signal);
}

export async function planDestroy(
  context: ControllerContext,
  name: string,
  caller: Caller,
  signal: AbortSignal,
): Promise<ServicePlan> {
  const before = await requireCatalogued(context, name, signal);
  return planOf(context, tombstoneOf(context, before, caller, ""), before, signal);
}

/**
 * Stops a service for good. Its data stays where it is, and so do its records.
 * @param confirm - printed by the plan; it holds for that plan only.
 * @throws `USAGE`: not the token of this service. `VERSION_CONFLICT`: the world moved since that plan.
 */
export async function destroyService(
  context: ControllerContext,
  name: string,
  confirm: string,
  caller: Caller,
  signal: AbortSignal,
): Promise<CatalogueRecord> {
  const before = await requireCatalogued(context, name, signal);
  if (!confirm.startsWith(confirmationToken(name, ""))) {
    throw new HoldfastError("USAGE", `${confirm} does not confirm the end of ${name}; nothing was changed.`, {
      hint: `See \`holdfast destroy ${name}\`, which prints the token.`,
    });
  }
  if (before.desired === "destroyed") return before;
  const plan = await planOf(context, tombstoneOf(context, before, caller, ""), before, signal);
  if (plan.confirm !== confirm) throw worldMoved(plan);
  return writeCatalogue(context, tombstoneOf(context, before, caller, plan.hash), plan.generation, signal);
}

function nextRecord(
  context: ControllerContext,
  service: Service,
  before: CatalogueRecord | undefined,
  caller: Caller,
  planHash: string,
): CatalogueRecord {
  return {
    ...{ ...before, v: 1, service: service.metadata.name, generation: (before?.generation ?? 0) + 1 },
    ...{ desired: "running", definition: JSON.parse(JSON.stringify(service)), by: caller.name, planHash },
    at: context.clock.wallTime(),
  };
}

function tombstoneOf(
  context: ControllerContext,
  before: CatalogueRecord,
  caller: Caller,
  planHash: string,
): CatalogueRecord {
  const { generation } = before;
  const at = context.clock.wallTime();
  return { ...before, generation: generation + 1, desired: "destroyed", by: caller.name, at, planHash };
}

async function planOf(
  context: ControllerContext,
  next: CatalogueRecord,
  before: CatalogueRecord | undefined,
  signal: AbortSignal,
): Promise<ServicePlan> {
  const same = before?.desired === next.desired && canonicalJson(before.definition) === canonicalJson(next.definition);
  // What is the same is looked at as the loop does it, under the generation that it has.
  const seen = await observeService(context, same && before !== undefined ? before : next, signal);
  const change = planChange(seen.world, before ?? null, same);
  const hash = digestOf(planBasis(change, { desired: next.desired, definition: next.definition }));
  const { compiled } = seen;
  return {
    ...{ ...change, hash, ...promises(seen), keeps: keeps(seen) },
    confirm: next.desired === "destroyed" && change.action === "destroy" ? confirmationToken(next.service, hash) : null,
    ...{
      definition: compiled?.definition ?? null,
      reasons: compiled?.reasons ?? {},
      warnings: compiled?.warnings ?? [],
    },
    findings: compiled === null ? [] : context.orchestrator.lint(compiled.definition),
  };
}

function promises({ service, resolved }: SeenWorld): Pick<ServicePlan, "grade" | "budget"> {
  if (service === null || resolved === null) return { grade: null, budget: null };
  const { exclusivity } = service.spec;
  return {
    grade: gradeOf(resolved.volumes, exclusivity.minimumGrade),
    budget: budgetOf(resolved.volumes, exclusivity),
  };
}

function keeps({ resolved }: SeenWorld): readonly string[] {
  return (resolved?.volumes ?? []).map(
    ({ strategy, volume }) => `the data of ${volume.role} (${strategy.type}), mounted at ${volume.mountPath}`,
  );
}

/** What waits for the world is applied all the same, what can never work is not. */
function requireApplicable({ service, effect, findings, reconcile }: ServicePlan): void {
  const error = findings.find(({ severity }) => severity === "error");
  const why = effect?.effect === "refused" ? effect.why : error?.why;
  const cannot =
    reconcile.kind === "wait" && reconcile.code === "NOT_PLACED" && !reconcile.why.startsWith("NO_CAPACITY");
  if (why === undefined && !cannot) return;
  const message = why ?? (reconcile.kind === "wait" ? reconcile.why : "it cannot be compiled");
  throw new HoldfastError("INVALID_SPEC", `${service} cannot run like this: ${message}`, {
    hint: error?.fix ?? "Correct the service file; nothing was changed.",
  });
}

function worldMoved(plan: ServicePlan): HoldfastError {
  return new HoldfastError(
    "VERSION_CONFLICT",
    `What this would do to ${plan.service} is not what was agreed to: the world moved, or the service file did.`,
    { hint: "Plan again, read it, and apply with the new hash.", detail: { hash: plan.hash } },
  );
}

/** @param generation - which the record must still have, so that two operators cannot both win. */
function writeCatalogue(
  context: ControllerContext,
  next: CatalogueRecord,
  generation: number,
  signal: AbortSignal,
): Promise<CatalogueRecord> {
  const decide = (before: CatalogueRecord | undefined): CatalogueRecord => {
    if (before !== undefined && canonicalJson(before) === canonicalJson(next)) return before;
    if ((before?.generation ?? 0) === generation) return next;
    throw new HoldfastError(
      "VERSION_CONFLICT",
      `${next.service} was changed by ${before?.by ?? "somebody"} meanwhile.`,
      {
        hint: "Plan again; nothing of this was applied.",
      },
    );
  };
  return updateCatalogue(context, next.service, decide, signal);
}

/** @throws `NOT_FOUND`. */
export async function requireCatalogued(
  context: ControllerContext,
  name: string,
  signal: AbortSignal,
): Promise<CatalogueRecord> {
  const record = await readCatalogue(context, name, signal);
  if (record !== undefined) return record;
  throw new HoldfastError("NOT_FOUND", `There is no service ${name} in the catalogue.`, {
    hint: "See `holdfast status`; a service is put there by `holdfast apply -f FILE`.",
  });
}

export interface WantedHandOver {
  readonly kind: "switchover" | "failover";
  readonly to: string | null;
  readonly now: boolean;
  readonly reason: string;
}

/** What a handover would do now. Reads, and writes nothing. @throws `NOT_FOUND`, `INVALID_SPEC`. */
export async function planServiceHandOver(
  context: ControllerContext,
  name: string,
  { kind, to, now }: Pick<WantedHandOver, "kind" | "to" | "now">,
  signal: AbortSignal,
): Promise<HandOverPlan> {
  const catalogue = await requireCatalogued(context, name, signal);
  const service = parseService(catalogue.definition);
  const { volumes: strategies } = await context.resolve(service, signal);
  const lease = leaseContextOf(context, name);
  const situation = await lookAtService(lease, to, { timeoutMs: CALL_MS, signal });
  const seen = await lookAtVolumes(context.op(signal), strategies, lease);
  const volumes = seen.map((volume) => volumeOutlook(volume, situation));
  const timing = service.spec.exclusivity;
  return planHandOver({ kind, service: name, now, timing, strategies }, situation, volumes);
}

/**
 * Puts a handover on record; the leader carries it out.
 * @returns its id, by which it is found in `explain`.
 * @throws `NOT_FOUND` when nobody holds the lease; `BUSY` when an operation is under way; `UNFENCEABLE` when it is to be
 *   fenced at once and no storage can.
 */
export async function requestHandOver(
  context: ControllerContext,
  name: string,
  wanted: WantedHandOver,
  caller: Caller,
  signal: AbortSignal,
): Promise<{ readonly operation: string; readonly warnings: readonly string[] }> {
  const { kind, to, now, reason } = wanted;
  const plan = await planServiceHandOver(context, name, wanted, signal);
  if (now && !plan.fences) {
    throw new HoldfastError("UNFENCEABLE", `${plan.lease.agent} cannot be fenced: not all of its storage can.`, {
      hint: "Without --now the holder is asked to stop; what remains otherwise is the lease.",
    });
  }
  const catalogue = await requireCatalogued(context, name, signal);
  const seen = await readServiceLease(context, name, signal);
  const { epoch, agent, bootId, machineId, leaseMs } = seen?.record ?? plan.lease;
  const operation: Operation = {
    ...{ id: randomUUID(), kind, by: caller.name, reason: reason.slice(0, 300), at: context.clock.wallTime() },
    ...{ automatic: false, generation: catalogue.generation, digest: null, state: "asked", steps: [] },
    handover: { to, now, from: { epoch, agent, bootId, machineId, leaseMs } },
  };
  await updateDecisions(context, name, (before) => openOperation(before, name, operation), signal);
  return { operation: operation.id, warnings: plan.warnings };
}

/** @param forMs - from now; a pause always ends. @returns what it takes the place of. */
export function pauseService(
  context: ControllerContext,
  name: string | null,
  { reason, forMs }: { readonly reason: string; readonly forMs: number },
  caller: Caller,
  signal: AbortSignal,
): Promise<Pause | null> {
  const nowMs = wallMs(context);
  const [since, until] = [nowMs, nowMs + forMs].map((ms) => new Date(ms).toISOString()) as [string, string];
  return writePause(context, name, { owner: caller.name, reason: reason.slice(0, 300), since, until }, signal);
}

/** An operator looked: failures and corrections before this do not count any more. */
export async function acknowledge(
  context: ControllerContext,
  name: string,
  note: string,
  caller: Caller,
  signal: AbortSignal,
): Promise<void> {
  await requireCatalogued(context, name, signal);
  const acknowledged = { by: caller.name, at: context.clock.wallTime(), note: note.slice(0, 300) };
  await updateDecisions(context, name, (before) => acknowledgeDecisions(before, name, acknowledged), signal);
}

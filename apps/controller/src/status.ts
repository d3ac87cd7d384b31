import {
  budgetOf,
  gradeOf,
  listQuarantines,
  readHistory,
  readLockStatus,
  readRequest,
  type ServiceBudget,
  type ServiceGrade,
} from "@holdfast/coordination";
import {
  type CatalogueRecord,
  type DecisionsRecord,
  type HistoryEntry,
  type LeaseRecord,
  type ObservedTask,
  type Operation,
  type PastOperation,
  type Pause,
  planReconcile,
  type ReconcilePlan,
  storePaths,
} from "@holdfast/core";
import { requireCatalogued } from "./changes.js";
import { CALL_MS, type ControllerContext, leaseContextOf } from "./context.js";
import { listServices, readCatalogue, readDecisions } from "./records.js";
import { observeService, type SeenWorld } from "./world.js";

export interface ServiceStatus {
  readonly service: string;
  readonly generation: number;
  readonly desired: CatalogueRecord["desired"];
  /** `settled`, `waiting`, or the kind of what is under way or next. */
  readonly state: string;
  readonly why: string;
  /** Why nothing is done, for programs; null when it does not wait. */
  readonly code: string | null;
  readonly holder: (Pick<LeaseRecord, "epoch" | "agent" | "run" | "since"> & { readonly state: string }) | null;
  readonly tasks: readonly ObservedTask[];
  readonly operation: Operation | null;
  readonly pause: Pause | null;
  readonly applied: DecisionsRecord["applied"];
}

/** Pure. */
function statusOf({ world }: SeenWorld, plan: ReconcilePlan): ServiceStatus {
  const { catalogue, decisions, lease, pause, place } = world;
  const { service, generation, desired } = catalogue;
  return {
    ...{ service, generation, desired, pause, ...headline(plan) },
    holder:
      lease === null
        ? null
        : { epoch: lease.epoch, agent: lease.agent, run: lease.run, since: lease.since, state: lease.state.kind },
    tasks: place.kind === "seen" ? place.observed.tasks : [],
    operation: decisions?.current ?? null,
    applied: decisions?.applied ?? null,
  };
}

function headline(plan: ReconcilePlan): Pick<ServiceStatus, "state" | "why" | "code"> {
  switch (plan.kind) {
    case "settled":
      return { state: "settled", why: plan.why, code: null };
    case "wait":
      return { state: "waiting", why: plan.why, code: plan.code };
    case "resume": {
      const { kind, by, reason } = plan.operation;
      return { state: kind, why: `asked for by ${by}: ${reason}`, code: null };
    }
    case "act":
      return { state: plan.operation, why: plan.why, code: null };
    default:
      return plan satisfies never;
  }
}

export async function readStatus(
  context: ControllerContext,
  name: string,
  signal: AbortSignal,
): Promise<ServiceStatus> {
  const seen = await observeService(context, await requireCatalogued(context, name, signal), signal);
  return statusOf(seen, planReconcile(seen.world, context.limits));
}

export interface StatusPage {
  readonly services: readonly ServiceStatus[];
  /** Name to go on after; null = this is the end. */
  readonly next: string | null;
}

const LOOKS_MAX = 8;

/** Services in the order of their names, those that were destroyed left out. @param limit - bounds one page. */
export async function readStatusPage(
  context: ControllerContext,
  { after, limit }: { readonly after: string; readonly limit: number },
  signal: AbortSignal,
): Promise<StatusPage> {
  const names = (await listServices(context, signal)).filter((name) => name > after);
  const services: ServiceStatus[] = [];
  let next: string | null = null;
  for (let begin = 0; begin < names.length && next === null; begin += LOOKS_MAX) {
    const looks = names.slice(begin, begin + LOOKS_MAX).map((name) => statusIfThere(context, name, signal));
    for (const status of await Promise.all(looks)) {
      if (status === undefined) continue;
      if (services.length < limit) services.push(status);
      else next ??= services.at(-1)?.service ?? null;
    }
  }
  return { services, next };
}

async function statusIfThere(
  context: ControllerContext,
  name: string,
  signal: AbortSignal,
): Promise<ServiceStatus | undefined> {
  const catalogue = await readCatalogue(context, name, signal);
  if (catalogue === undefined) return undefined;
  const seen = await observeService(context, catalogue, signal);
  const plan = planReconcile(seen.world, context.limits);
  return catalogue.desired === "destroyed" && plan.kind === "settled" ? undefined : statusOf(seen, plan);
}

export interface Explanation extends ServiceStatus {
  /** What a person should know, one thing a line, the most important first. */
  readonly because: readonly string[];
  /** What a person can do; empty = nothing needs doing. */
  readonly actions: readonly string[];
  readonly volumes: readonly { readonly role: string; readonly strategy: string; readonly mountPath: string }[];
  readonly grade: ServiceGrade | null;
  readonly budget: ServiceBudget | null;
  readonly candidates: readonly { readonly agent: string; readonly run: string; readonly since: string }[];
  readonly past: readonly PastOperation[];
}

/** Why a service is as it is: what it waits for, which volume, agent and epoch, and what to do next. */
export async function explainService(
  context: ControllerContext,
  name: string,
  signal: AbortSignal,
): Promise<Explanation> {
  const catalogue = await requireCatalogued(context, name, signal);
  const seen = await observeService(context, catalogue, signal);
  const plan = planReconcile(seen.world, context.limits);
  const lease = leaseContextOf(context, name);
  const call = { timeoutMs: CALL_MS, signal };
  const { candidates } = await readLockStatus(lease, call);
  const request = await readRequest(lease, storePaths.request(name), call);
  const quarantines = await listQuarantines(context, name, signal);
  const { service, resolved, world } = seen;
  const { volumes = [] } = resolved ?? {};
  const status = statusOf(seen, plan);
  const because = [
    status.why,
    ...holderLines(world.lease, candidates.length),
    ...(request === undefined || request.state === "ready" || request.epoch !== world.lease?.epoch
      ? []
      : [`its storage is ${request.state}${request.failure === undefined ? "" : `: ${request.failure.message}`}`]),
    ...quarantines.map(({ agent, epoch, reason }) => `${agent} is in quarantine since epoch ${epoch}: ${reason}`),
    ...status.tasks
      .filter(({ state }) => state === "unreachable")
      .map(({ agent, id }) => `task ${id} on ${agent} cannot be reached; it may be alive`),
  ];
  const actions = [
    ...(plan.kind === "wait" ? [plan.next] : []),
    ...(world.lease?.state.kind === "yield" || world.lease?.pendingFence != null
      ? [`holdfast failover ${name}, or, when that machine is certainly off, holdfast lock fenced --service ${name}`]
      : []),
    ...quarantines.map(
      ({ agent }) =>
        `When nothing is left there: holdfast lock unquarantine --service ${name} --agent ${agent} --confirm`,
    ),
  ];
  return {
    ...{ ...status, because, actions, candidates },
    volumes: volumes.map(({ strategy, volume }) => ({
      ...{ role: volume.role, strategy: strategy.type, mountPath: volume.mountPath },
    })),
    grade: service === null || resolved === null ? null : gradeOf(volumes, service.spec.exclusivity.minimumGrade),
    budget: service === null || resolved === null ? null : budgetOf(volumes, service.spec.exclusivity),
    past: [...(world.decisions?.past ?? [])].reverse(),
  };
}

function holderLines(lease: LeaseRecord | null, candidates: number): string[] {
  const waiting = candidates === 0 ? "nobody waits" : `${candidates} wait`;
  if (lease === null) return [`nobody ever held its lease; ${waiting} for it`];
  const { epoch, agent, run, state } = lease;
  switch (state.kind) {
    case "held":
      return [`epoch ${epoch} is held by run ${run} on ${agent}; ${waiting} behind it`];
    case "yield":
      return [`epoch ${epoch} on ${agent} gave up and left something that may still write: ${state.needsFence}`];
    default:
      return [`epoch ${epoch} is ${state.kind}, last by ${agent}; ${waiting} for it`];
  }
}

export interface ServiceHistory {
  readonly service: string;
  /** Starts and stops of runs, newest first. */
  readonly runs: readonly HistoryEntry[];
  /** What the controller did, newest first. */
  readonly operations: readonly PastOperation[];
}

export async function readServiceHistory(
  context: ControllerContext,
  name: string,
  signal: AbortSignal,
): Promise<ServiceHistory> {
  await requireCatalogued(context, name, signal);
  const history = await readHistory(leaseContextOf(context, name), { timeoutMs: CALL_MS, signal });
  const decisions = await readDecisions(context, name, signal);
  return {
    service: name,
    runs: [...(history?.entries ?? [])].reverse(),
    operations: [...(decisions?.past ?? [])].reverse(),
  };
}

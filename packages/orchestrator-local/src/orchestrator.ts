import { randomUUID } from "node:crypto";
import { serveRequests } from "@holdfast/coordination";
import {
  type AgentId,
  type AgentSilence,
  type Clock,
  HoldfastError,
  type Logger,
  type ObservedService,
  type Op,
  type Orchestrator,
} from "@holdfast/core";
import type { AgentTask, LocalAgent } from "./agent.js";
import { afterFailure, type BackoffState, NO_BACKOFF } from "./backoff.js";
import { type CompileOptions, compileService } from "./compile.js";
import { definitionVersion, type LocalDefinition, parseDefinition } from "./definition.js";
import { diffDefinition } from "./diff.js";
import { EventHub } from "./event-hub.js";
import { lintDefinition } from "./lint.js";
import { type Action, type PlannedAgent, planService } from "./plan.js";
import { type LocalStorageOptions, type StoragePlacement, StoragePlacer } from "./storage.js";
import { isOver, mergeReport, type TaskChange, type TaskEntry, toObserved, toPlanned } from "./task-table.js";

/** A service as it is to be remembered by a program that begins anew. */
export interface RememberedService {
  readonly definition: LocalDefinition;
  readonly suspended: boolean;
}

export interface LocalOrchestratorOptions extends CompileOptions {
  readonly agents: readonly LocalAgent[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** An agent that did not answer for this long is unreachable, and its runs are replaced. Milliseconds. */
  readonly detectMs?: number;
  /** Time between two looks at an agent. Milliseconds. */
  readonly pollMs?: number;
  /** What `remember` was given last. Without it, services are known until this process ends, and its tasks with them. */
  readonly remembered?: readonly RememberedService[];
  /** Keeps what is to be known after a restart; awaited before a change counts. */
  readonly remember?: (services: readonly RememberedService[]) => Promise<void>;
  /** Strategies of the services; without it, a service may run on every agent that its definition names. */
  readonly storage?: LocalStorageOptions;
}

export interface AgentStatus {
  readonly id: AgentId;
  readonly reachable: boolean;
  /** Milliseconds since its last answer; null = never. */
  readonly silentMs: number | null;
}

export interface LocalOrchestrator extends Orchestrator {
  /** Looks, plans and acts until the signal aborts. Nothing is placed unless this runs. */
  run(signal: AbortSignal): Promise<void>;
  agents(): readonly AgentStatus[];
  /** What it believes of every task, newest last; ended ones are kept for a while. */
  tasks(): readonly TaskEntry[];
}

const PLACE_EVERY_MS = 500;

interface ServiceState {
  readonly definition: LocalDefinition;
  readonly version: string;
  suspended: boolean;
  backoff: BackoffState;
  avoid: AgentId | null;
  waitsFor: string | null;
  /** Null = the storage was not asked yet. */
  placed: StoragePlacement | null;
}

/** An orchestrator for one machine that behaves as Marathon does: one instance, restarts with a growing delay. */
export function createLocalOrchestrator(options: LocalOrchestratorOptions): LocalOrchestrator {
  const { clock, logger, detectMs = 1_000, pollMs = 100 } = options;
  const services = new Map<string, ServiceState>();
  const agents = options.agents.map((agent) => ({ agent, seenMs: null as number | null, reachable: false }));
  const hub = new EventHub();
  const inFlight = new Set<string>();
  const killing = new Set<string>();
  const killRequested = new Set<string>();
  let table: readonly TaskEntry[] = [];
  let order = 0;

  for (const { definition, suspended } of options.remembered ?? []) {
    services.set(definition.id, newState(definition, suspended));
  }

  async function remember(changed: RememberedService): Promise<void> {
    const others = [...services.values()].filter(({ definition }) => definition.id !== changed.definition.id);
    await options.remember?.([...others, changed].map(({ definition, suspended }) => ({ definition, suspended })));
  }

  const isReachable = (id: AgentId) => agents.some((slot) => slot.agent.id === id && slot.reachable);
  const nowMs = () => clock.now().monoMs;

  function noteReachability(): void {
    for (const slot of agents) {
      const reachable = slot.seenMs !== null && nowMs() - slot.seenMs < detectMs;
      if (reachable === slot.reachable) continue;
      slot.reachable = reachable;
      hub.emit({ kind: "agent", service: null, detail: { agent: slot.agent.id, reachable } });
    }
  }

  function noteChange({ entry, from }: TaskChange): void {
    const { id, agent, state, run, epoch, exitCode, signal } = entry;
    hub.emit({
      kind: "task",
      service: entry.service,
      detail: { task: id, agent, from, state, run, epoch, exitCode, signal },
    });
    const service = services.get(entry.service);
    if (service === undefined || service.version !== entry.version || !isOver(entry)) return;
    // Ended because we asked, or gone with its machine: neither says that the service cannot run.
    const asked = killRequested.has(id) || (epoch !== null && service.placed?.handedOver === epoch);
    const failed = entry.state === "lost" ? from === "staging" : !asked;
    killRequested.delete(id);
    if (!failed) return;
    service.backoff = afterFailure(service.backoff, service.definition.backoff, nowMs());
    service.avoid = agent;
  }

  async function watch(slot: (typeof agents)[number], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // What was launched during this look may be missing in its answer and is not lost for that.
      const exempt = new Set(inFlight);
      const orderBefore = order;
      let reports: readonly AgentTask[] | undefined;
      try {
        reports = await slot.agent.tasks(AbortSignal.any([signal, AbortSignal.timeout(detectMs)]));
      } catch (error) {
        // Silence is what `reachable` is made of; the reason matters to people only.
        logger.log("debug", "an agent did not answer", { agent: slot.agent.id, error: String(error) });
      }
      if (reports !== undefined) {
        slot.seenMs = nowMs();
        for (const entry of table) if (entry.order > orderBefore) exempt.add(entry.id);
        noteReachability();
        const merged = mergeReport(table, slot.agent.id, reports, exempt, clock.wallTime());
        table = merged.table;
        order = Math.max(order, ...table.map((entry) => entry.order));
        merged.changes.forEach(noteChange);
      }
      await pause(pollMs, signal);
    }
  }

  async function pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  function plannedAgents(service: ServiceState | undefined): PlannedAgent[] {
    const named = service?.definition.agents ?? null;
    const placement = service?.placed?.placement;
    const stored = placement?.kind === "agents" ? placement.agents : null;
    return agents.map(({ agent: { id }, reachable }) => {
      const allowed = (named === null || named.includes(id)) && (stored === null || stored.includes(id));
      return { id, reachable, allowed };
    });
  }

  /** Asks the storage where each service may go next. While one runs, only what an operator wishes is looked at. */
  async function place(storage: LocalStorageOptions, signal: AbortSignal): Promise<void> {
    const placer = new StoragePlacer(storage, logger);
    while (!signal.aborted) {
      for (const [name, service] of services) {
        if (service.suspended) continue;
        const runs = table.some((entry) => entry.service === name && !isOver(entry) && isReachable(entry.agent));
        try {
          service.placed =
            runs && service.placed !== null
              ? { ...service.placed, ...(await placer.wish(name, signal)) }
              : await placer.place(name, silences(), signal);
        } catch (error) {
          if (signal.aborted) return;
          logger.log("warn", "a service could not be placed by its storage", { service: name, error: String(error) });
        }
      }
      await pause(Math.max(pollMs, PLACE_EVERY_MS), signal);
    }
  }

  function silences(): AgentSilence[] {
    return agents.map(({ agent: { id }, reachable, seenMs }) => {
      return { id, reachable, silentMs: seenMs === null ? null : nowMs() - seenMs, spareMiB: null };
    });
  }

  function serve(storage: LocalStorageOptions, signal: AbortSignal): Promise<void> {
    const { records, by, op } = storage;
    return serveRequests(records, {
      ...{ by, op, signal, services: () => [...services.keys()] },
      async resolve(name) {
        const stored = await storage.resolve(name);
        return stored?.controllerSide === "controller" ? stored : undefined;
      },
      onStep: (service, step) => hub.emit({ kind: "deployment", service, detail: { storage: step } }),
      onWait: (service, role, why, code) =>
        hub.emit({ kind: "deployment", service, detail: { role, waitsFor: why, code } }),
      onFailed: (service, error) =>
        logger.log("error", "the storage of a run was not had", { service, error: String(error) }),
    });
  }

  function tick(signal: AbortSignal): void {
    noteReachability();
    const names = new Set([...services.keys(), ...table.filter((entry) => !isOver(entry)).map((e) => e.service)]);
    for (const name of names) {
      const service = services.get(name);
      const live = table.filter((entry) => entry.service === name && !isOver(entry));
      const plan = planService({
        desiredVersion: service === undefined || service.suspended ? null : service.version,
        agents: plannedAgents(service),
        tasks: live.map((entry) => toPlanned(entry, isReachable(entry.agent), service?.definition.health)),
        nowMs: nowMs(),
        launchNotBeforeMs: service?.backoff.notBeforeMs ?? 0,
        avoid: service?.avoid ?? null,
        prefer: service?.placed?.prefer ?? null,
        unplaced: unplaced(service),
      });
      for (const action of plan.actions) carryOut(name, service, action, signal);
      if (service === undefined || service.waitsFor === plan.waitsFor) continue;
      // Of a back-off only the beginning is news: the time that is left changes with every look.
      const counts = (why: string | null) => why?.replace(/\d+ ms left/, "");
      const news = plan.waitsFor !== null && counts(plan.waitsFor) !== counts(service.waitsFor);
      service.waitsFor = plan.waitsFor;
      if (news) hub.emit({ kind: "deployment", service: name, detail: { waitsFor: plan.waitsFor } });
    }
  }

  function unplaced(service: ServiceState | undefined): string | null {
    if (options.storage === undefined || service === undefined) return null;
    if (service.placed === null) return "the storage has not said yet where it can run";
    return service.placed.placement.kind === "wait" ? service.placed.placement.why : null;
  }

  function carryOut(name: string, service: ServiceState | undefined, action: Action, signal: AbortSignal): void {
    const agent = agents.find((slot) => slot.agent.id === action.agent)?.agent;
    if (agent === undefined) throw new Error(`planned for the unknown agent ${action.agent}`);
    const bound = AbortSignal.any([signal, AbortSignal.timeout(detectMs)]);
    switch (action.kind) {
      case "launch": {
        if (service === undefined) throw new Error(`planned a launch of the unknown service ${name}`);
        const entry = newEntry(name, action.agent, service.version);
        table = [...table, entry];
        inFlight.add(entry.id);
        hub.emit({ kind: "task", service: name, detail: { ...launchDetail(entry), why: action.why } });
        const { version, definition } = service;
        void settle(agent.launch({ id: entry.id, version, definition }, bound), "launch", entry.id, () =>
          inFlight.delete(entry.id),
        );
        return;
      }
      case "kill": {
        if (killing.has(action.task)) return;
        killing.add(action.task);
        if (!killRequested.has(action.task)) {
          hub.emit({
            kind: "deployment",
            service: name,
            detail: { kill: action.task, agent: action.agent, why: action.why },
          });
        }
        killRequested.add(action.task);
        void settle(agent.kill(action.task, bound), "kill", action.task, () => killing.delete(action.task));
        return;
      }
      default:
        action satisfies never;
    }
  }

  /** Whether a request arrived is not asked here: the agent's next report says what became of it. */
  async function settle(request: Promise<void>, what: string, task: string, done: () => void): Promise<void> {
    try {
      await request;
    } catch (error) {
      logger.log("debug", `a ${what} was not confirmed`, { task, error: String(error) });
    } finally {
      done();
    }
  }

  function newEntry(service: string, agent: AgentId, version: string): TaskEntry {
    order += 1;
    return {
      ...{ id: randomUUID(), service, agent, version, state: "staging", order, since: clock.wallTime() },
      ...{ healthFailures: 0, ageMs: 0, everHealthy: false, says: "unknown" },
      ...{ run: null, epoch: null, exitCode: null, signal: null },
    };
  }

  async function apply(_op: Op, definition: LocalDefinition): Promise<void> {
    const errors = lintDefinition(definition).filter((finding) => finding.severity === "error");
    if (errors.length > 0) {
      throw new HoldfastError("INVALID_SPEC", errors.map((finding) => finding.why).join(" "), {
        hint: errors.map((finding) => finding.fix).join(" "),
        detail: { findings: errors },
      });
    }
    const version = definitionVersion(definition);
    const before = services.get(definition.id);
    if (before?.version === version && !before.suspended) return;
    await remember({ definition, suspended: false });
    services.set(definition.id, newState(definition, false));
    hub.emit({ kind: "deployment", service: definition.id, detail: { version } });
  }

  function observe(name: string): ObservedService {
    const service = services.get(name);
    const own = table.filter((entry) => entry.service === name);
    const settled = own.some((entry) => entry.state === "running" && entry.version === service?.version);
    return {
      exists: service !== undefined,
      definition: service?.definition ?? null,
      suspended: service?.suspended ?? false,
      tasks: own.map((entry) => toObserved(entry, isReachable(entry.agent))),
      deployments: service === undefined || service.suspended || settled ? [] : [service.version],
    };
  }

  return {
    apiVersion: 1,
    type: "local",
    compile: (service, placement) => compileService(service, placement, options),
    lint: lintDefinition,
    diff: diffDefinition,
    observe: async (_op, name) => observe(name),
    apply: async (op, compiled) => apply(op, parseDefinition(compiled.definition)),
    async stop(_op, name) {
      const service = services.get(name);
      if (service === undefined) return;
      await remember({ definition: service.definition, suspended: true });
      service.suspended = true;
      service.backoff = NO_BACKOFF;
    },
    events: (op) => hub.listen(op.signal),
    async run(signal) {
      const watching = agents.map((slot) => watch(slot, signal));
      const planning = async () => {
        while (!signal.aborted) {
          tick(signal);
          await pause(pollMs, signal);
        }
      };
      const { storage } = options;
      const stored = storage === undefined ? [] : [place(storage, signal), serve(storage, signal)];
      await Promise.all([...watching, planning(), ...stored]);
    },
    agents: () =>
      agents.map(({ agent, reachable, seenMs }) => {
        return { id: agent.id, reachable, silentMs: seenMs === null ? null : nowMs() - seenMs };
      }),
    tasks: () => table,
  } satisfies LocalOrchestrator;
}

function newState(definition: LocalDefinition, suspended: boolean): ServiceState {
  const version = definitionVersion(definition);
  return { definition, version, suspended, backoff: NO_BACKOFF, avoid: null, waitsFor: null, placed: null };
}

function launchDetail({ id, agent }: TaskEntry) {
  return { task: id, agent, from: null, state: "staging" };
}

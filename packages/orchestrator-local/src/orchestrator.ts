import { randomUUID } from "node:crypto";
import {
  type AgentId,
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
import { EventHub } from "./event-hub.js";
import { lintDefinition } from "./lint.js";
import { type Action, type PlannedAgent, planService } from "./plan.js";
import { isOver, mergeReport, type TaskChange, type TaskEntry, toObserved, toPlanned } from "./task-table.js";

export interface LocalOrchestratorOptions extends CompileOptions {
  readonly agents: readonly LocalAgent[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** An agent that did not answer for this long is unreachable, and its runs are replaced. Milliseconds. */
  readonly detectMs?: number;
  /** Time between two looks at an agent. Milliseconds. */
  readonly pollMs?: number;
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

interface ServiceState {
  readonly definition: LocalDefinition;
  readonly version: string;
  suspended: boolean;
  backoff: BackoffState;
  avoid: AgentId | null;
  waitsFor: string | null;
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
    const failed = entry.state === "lost" ? from === "staging" : !killRequested.has(id);
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

  function plannedAgents(definition: LocalDefinition | undefined): PlannedAgent[] {
    return agents.map(({ agent: { id }, reachable }) => {
      const allowed = definition === undefined || definition.agents === null || definition.agents.includes(id);
      return { id, reachable, allowed };
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
        agents: plannedAgents(service?.definition),
        tasks: live.map((entry) => toPlanned(entry, isReachable(entry.agent), service?.definition.health)),
        nowMs: nowMs(),
        launchNotBeforeMs: service?.backoff.notBeforeMs ?? 0,
        avoid: service?.avoid ?? null,
      });
      for (const action of plan.actions) carryOut(name, service, action, signal);
      if (service === undefined || service.waitsFor === plan.waitsFor) continue;
      // Only the beginning of a wait is news; the time that is left changes with every look.
      const news = plan.waitsFor !== null && service.waitsFor === null;
      service.waitsFor = plan.waitsFor;
      if (news) hub.emit({ kind: "deployment", service: name, detail: { waitsFor: plan.waitsFor } });
    }
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
    services.set(definition.id, {
      definition,
      version,
      suspended: false,
      backoff: NO_BACKOFF,
      avoid: null,
      waitsFor: null,
    });
    hub.emit({ kind: "deployment", service: definition.id, detail: { version } });
  }

  function observe(name: string): ObservedService {
    const service = services.get(name);
    const own = table.filter((entry) => entry.service === name);
    const settled = own.some((entry) => entry.state === "running" && entry.version === service?.version);
    return {
      exists: service !== undefined,
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
    observe: async (_op, name) => observe(name),
    apply: async (op, compiled) => apply(op, parseDefinition(compiled.definition)),
    async stop(_op, name) {
      const service = services.get(name);
      if (service === undefined) return;
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
      await Promise.all([...watching, planning()]);
    },
    agents: () =>
      agents.map(({ agent, reachable, seenMs }) => {
        return { id: agent.id, reachable, silentMs: seenMs === null ? null : nowMs() - seenMs };
      }),
    tasks: () => table,
  } satisfies LocalOrchestrator;
}

function launchDetail({ id, agent }: TaskEntry) {
  return { task: id, agent, from: null, state: "staging" };
}

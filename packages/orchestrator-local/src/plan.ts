import type { AgentId } from "@holdfast/core";

export interface PlannedAgent {
  readonly id: AgentId;
  /** Answered within the detection time. */
  readonly reachable: boolean;
  /** The definition permits it. */
  readonly allowed: boolean;
}

/** A task that may still be alive, as far as anybody knows. */
export interface PlannedTask {
  readonly id: string;
  readonly agent: AgentId;
  readonly version: string;
  readonly state: "staging" | "running" | "unreachable" | "killing";
  /** False after too many failed health checks in a row. */
  readonly healthy: boolean;
  /** What the run says of itself: a hint for choosing between two copies, never more. */
  readonly says: "serving" | "waiting" | "unknown";
  /** Grows with every launch. */
  readonly order: number;
}

export interface ServiceView {
  /** Null = it should not run. */
  readonly desiredVersion: string | null;
  readonly agents: readonly PlannedAgent[];
  readonly tasks: readonly PlannedTask[];
  readonly nowMs: number;
  readonly launchNotBeforeMs: number;
  /** Where a run just failed: taken again only when no other agent can. */
  readonly avoid: AgentId | null;
  /** Where an operator wants it next; taken when it can be. */
  readonly prefer?: AgentId | null;
  /** Why no agent may run it at present, as the storage says; nothing is launched then. */
  readonly unplaced?: string | null;
}

export type Action =
  | {
      readonly kind: "launch";
      readonly agent: AgentId;
      /**
       * Always: nothing that is known of other tasks proves that they are over, so a run may find the lease held and
       * has to wait for it.
       */
      readonly wait: true;
      readonly why: string;
    }
  | { readonly kind: "kill"; readonly task: string; readonly agent: AgentId; readonly why: string };

export interface ServicePlan {
  readonly actions: readonly Action[];
  /** Why nothing is launched although something is missing. */
  readonly waitsFor: string | null;
}

/**
 * Decides and touches nothing. One instance; what cannot be reached, or does not answer its health checks, is replaced
 * at once, because the lease and not this plan keeps a second writer out. Every action follows from the view alone, so
 * a plan of which only a part was carried out is simply followed by the next one.
 */
export function planService(view: ServiceView): ServicePlan {
  const kills: Action[] = [];
  const kill = (task: PlannedTask, why: string) => {
    kills.push({ kind: "kill", task: task.id, agent: task.agent, why });
  };
  const counted: PlannedTask[] = [];
  for (const task of view.tasks) {
    if (task.state === "unreachable" || task.state === "killing") continue;
    if (view.desiredVersion === null) kill(task, "the service is stopped");
    else if (task.version !== view.desiredVersion) kill(task, "the definition changed");
    else if (!task.healthy) kill(task, "its health checks failed");
    else counted.push(task);
  }
  if (view.desiredVersion === null) return { actions: kills, waitsFor: null };

  const keep = [...counted].sort(preferred)[0];
  if (keep !== undefined) {
    for (const task of counted) {
      if (task.id === keep.id) continue;
      const why = task.says === "waiting" ? "surplus, waiting for the lease" : "surplus, the younger copy";
      kill(task, why);
    }
    return { actions: kills, waitsFor: null };
  }

  if (view.nowMs < view.launchNotBeforeMs) {
    return { actions: kills, waitsFor: `back-off, ${Math.ceil(view.launchNotBeforeMs - view.nowMs)} ms left` };
  }
  const { unplaced = null } = view;
  if (unplaced !== null) return { actions: kills, waitsFor: unplaced };
  const agent = chooseAgent(view);
  if (agent === undefined) return { actions: kills, waitsFor: "no permitted agent can be reached" };
  return { actions: [...kills, { kind: "launch", agent, wait: true, why: whyLaunch(view) }], waitsFor: null };
}

/** Of two copies the one that serves stays; otherwise the older, as with Marathon's `YOUNGEST_FIRST`. */
function preferred(a: PlannedTask, b: PlannedTask): number {
  const rank = (task: PlannedTask) => (task.says === "serving" ? 0 : 1);
  return rank(a) - rank(b) || a.order - b.order;
}

/** Where it is wished; then agents without any task of this service, then one that did not just fail; otherwise in their own order. */
function chooseAgent(view: ServiceView): AgentId | undefined {
  const busy = new Set(view.tasks.map((task) => task.agent));
  const wished = (agent: PlannedAgent) => (view.prefer ?? agent.id) === agent.id;
  const cost = (agent: PlannedAgent) =>
    (wished(agent) ? 0 : 4) + (busy.has(agent.id) ? 2 : 0) + (agent.id === view.avoid ? 1 : 0);
  return view.agents
    .filter((agent) => agent.reachable && agent.allowed)
    .map((agent, index) => ({ agent, index }))
    .sort((a, b) => cost(a.agent) - cost(b.agent) || a.index - b.index)[0]?.agent.id;
}

function whyLaunch(view: ServiceView): string {
  const unreachable = view.tasks.find((task) => task.state === "unreachable");
  if (unreachable !== undefined) return `agent ${unreachable.agent} cannot be reached`;
  const unhealthy = view.tasks.find((task) => !task.healthy);
  if (unhealthy !== undefined) return `the run on ${unhealthy.agent} does not answer`;
  const ending = view.tasks.find((task) => task.state === "killing");
  if (ending !== undefined) return `the run on ${ending.agent} is being ended`;
  return view.avoid === null ? "nothing runs" : `the run on ${view.avoid} ended`;
}

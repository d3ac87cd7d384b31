import { HoldfastError } from "@holdfast/core";
import { allocate, NOTHING, release } from "./allocation.js";
import type { Agent, AgentSpec, MasterTask, Sim } from "./model.js";
import { isTerminalState } from "./states.js";
import { onStatus, type Status } from "./status.js";

/** What an agent learns of one of its tasks. */
export type AgentReport = Status;

export function addAgent(sim: Sim, spec: AgentSpec): void {
  if (sim.agents.has(spec.id))
    throw new HoldfastError("INVALID_SPEC", `There is an agent ${spec.id} already.`, {
      hint: "Give each agent an id.",
    });
  sim.agents.set(spec.id, {
    ...spec,
    link: "up",
    registration: "registered",
    silentSinceMs: null,
    tasks: new Map(),
    reservations: [],
    known: new Set(),
    used: { ...NOTHING },
    takenPorts: new Set(),
  });
  sim.offersDue = true;
}

export function agentOf(sim: Sim, agentId: string): Agent {
  const agent = sim.agents.get(agentId);
  if (agent !== undefined) return agent;
  const known = [...sim.agents.keys()].join(", ");
  throw new HoldfastError("NOT_FOUND", `There is no agent ${agentId}.`, { hint: `Known are: ${known || "none"}.` });
}

const reaches = (agent: Agent) => agent.link === "up" && agent.registration === "registered";

/** The agent knows at once; the master when the link is up, else when the agent is back. */
export function agentReport(sim: Sim, agentId: string, report: AgentReport): void {
  const agent = agentOf(sim, agentId);
  const task = agent.tasks.get(report.taskId);
  if (task === undefined) return; // Rebooted or shut down meanwhile: that agent has no such task any more.
  task.state = report.state;
  task.message = report.message;
  task.healthy = report.healthy;
  if (reaches(agent)) passOn(sim, agent, report);
}

/** From the agent over the master to Marathon; a terminal state is acknowledged and then forgotten by both. */
function passOn(sim: Sim, agent: Agent, report: AgentReport): void {
  const known = sim.masterTasks.get(report.taskId);
  if (known === undefined) {
    // A task of an agent that the registry had dropped: the master learns of it again.
    allocate(sim, { ...report, agentId: agent.id, resources: NOTHING, ports: [] });
  } else Object.assign(known, { state: report.state, message: report.message, healthy: report.healthy });
  if (isTerminalState(report.state)) {
    release(sim, report.taskId);
    agent.tasks.delete(report.taskId);
  }
  onStatus(sim, report);
}

/** The agent is off the network; what runs on it runs on. Mesos notices after `agentLostMs`. */
export function cutAgent(sim: Sim, agentId: string): void {
  const agent = agentOf(sim, agentId);
  if (agent.link === "down") return;
  agent.link = "down";
  agent.silentSinceMs = sim.nowMs;
}

/** Mesos gives up on agents that were silent for too long: their tasks are TASK_UNREACHABLE. */
export function noticeSilence(sim: Sim): void {
  for (const agent of sim.agents.values()) {
    const { registration, silentSinceMs } = agent;
    if (registration !== "registered" || silentSinceMs === null) continue;
    if (sim.nowMs - silentSinceMs >= sim.flags.agentLostMs) declareUnreachable(sim, agent);
  }
}

/** The master gives the agent up now, without waiting for its limit. */
export function declareUnreachable(sim: Sim, agent: Agent): void {
  agent.registration = "unreachable";
  for (const task of tasksOf(sim, agent)) tell(sim, task, "TASK_UNREACHABLE", "Agent unreachable");
}

/** Marathon is partition aware, so nothing is killed for having been away (facts 4). */
export function reconnectAgent(sim: Sim, agentId: string): void {
  const agent = agentOf(sim, agentId);
  if (agent.link === "up") return;
  agent.link = "up";
  agent.silentSinceMs = null;
  if (agent.registration === "gone") {
    shutDown(sim, agent);
    return;
  }
  agent.registration = "registered";
  reregister(sim, agent);
}

/** The machine restarted: nothing of it runs, the agent comes back with the id that it had. */
export function rebootAgent(sim: Sim, agentId: string): void {
  const agent = agentOf(sim, agentId);
  agent.tasks.clear();
  agent.link = "up";
  agent.silentSinceMs = null;
  if (agent.registration === "gone") {
    shutDown(sim, agent);
    return;
  }
  agent.registration = "registered";
  reregister(sim, agent);
}

function reregister(sim: Sim, agent: Agent): void {
  sim.offersDue = true;
  for (const { taskId, state, message, healthy } of [...agent.tasks.values()])
    passOn(sim, agent, { taskId, state, message, healthy });
  for (const task of tasksOf(sim, agent)) {
    if (agent.tasks.has(task.taskId)) continue;
    // What never reached the agent was dropped; what ran and is not there any more is gone.
    const neverStarted = task.state === "TASK_STAGING";
    release(sim, task.taskId);
    tell(sim, task, neverStarted ? "TASK_DROPPED" : "TASK_GONE", "Task is unknown to the agent");
  }
}

/** MARK_AGENT_GONE. The agent, should it ever come back, is told to end everything. */
export function markAgentGone(sim: Sim, agentId: string): void {
  const agent = agentOf(sim, agentId);
  agent.registration = "gone";
  for (const task of tasksOf(sim, agent)) {
    release(sim, task.taskId);
    tell(sim, task, "TASK_GONE_BY_OPERATOR", "Agent was marked as gone by the operator");
  }
  if (agent.link === "up") shutDown(sim, agent);
}

function shutDown(sim: Sim, agent: Agent): void {
  agent.tasks.clear();
  for (const { volumes } of agent.reservations)
    for (const volume of volumes) sim.out.push({ kind: "destroy-volume", agentId: agent.id, volume });
  agent.reservations = [];
  sim.out.push({ kind: "shutdown-agent", agentId: agent.id });
}

/** The registry drops an unreachable agent (`--registry_max_agent_age`): Mesos answers TASK_UNKNOWN from now on. */
export function forgetAgent(sim: Sim, agentId: string): void {
  const agent = agentOf(sim, agentId);
  if (agent.registration !== "unreachable")
    throw new HoldfastError("INVALID_SPEC", `Agent ${agentId} is ${agent.registration}, not unreachable.`, {
      hint: "Only an agent that Mesos has declared unreachable can be dropped from its registry.",
    });
  agent.registration = "forgotten";
  for (const task of tasksOf(sim, agent)) release(sim, task.taskId);
}

/** A machine that lost its agent's state: a new id, no tasks, no reservations. The caller has ended its processes. */
export function replaceAgent(sim: Sim, agentId: string, newId: string): void {
  const { hostname, region, zone, attributes, resources, ports, registration } = agentOf(sim, agentId);
  const old = agentOf(sim, agentId);
  if (registration === "registered" || registration === "unreachable") {
    // The master still waits for the old id. What ran there stays unreachable until the registry drops it.
    old.link = "down";
    old.silentSinceMs ??= sim.nowMs;
    old.tasks.clear();
    old.reservations = [];
  } else sim.agents.delete(agentId);
  addAgent(sim, { id: newId, hostname, region, zone, attributes, resources, ports });
}

/** Marathon asks for the state of each task it knows, and Mesos also tells of those it does not (facts 4). */
export function reconcile(sim: Sim): void {
  for (const instance of [...sim.instances.values()]) {
    const { taskId, condition } = instance;
    if (taskId === null || condition === "Scheduled") continue;
    onStatus(sim, stateForReconciliation(sim, taskId, instance.agent?.id ?? ""));
  }
  for (const { taskId, agentId, state, message, healthy } of [...sim.masterTasks.values()]) {
    if (sim.agents.get(agentId)?.registration !== "registered") continue;
    if (sim.instances.has(taskId.replace(/\._app\.\d+$/, ""))) continue;
    onStatus(sim, { taskId, state, message, healthy });
  }
}

function stateForReconciliation(sim: Sim, taskId: string, agentId: string): Status {
  const task = sim.masterTasks.get(taskId);
  const registration = sim.agents.get(agentId)?.registration;
  const answer = { taskId, message: "Reconciliation: Latest task state", healthy: null };
  if (registration === "unreachable") return { ...answer, state: "TASK_UNREACHABLE" };
  if (task !== undefined) return { ...answer, state: task.state, healthy: null };
  if (registration === "gone") return { ...answer, state: "TASK_GONE_BY_OPERATOR" };
  if (registration === "registered") return { ...answer, state: "TASK_GONE" };
  return { ...answer, state: "TASK_UNKNOWN" };
}

function tasksOf(sim: Sim, agent: Agent): MasterTask[] {
  return [...agent.known].flatMap((taskId) => sim.masterTasks.get(taskId) ?? []);
}

function tell(sim: Sim, { taskId }: MasterTask, state: Status["state"], message: string): void {
  const known = sim.masterTasks.get(taskId);
  // The last state that the agent itself reported stays with the master for the agent's return.
  if (known !== undefined && state !== "TASK_UNREACHABLE") known.state = state;
  onStatus(sim, { taskId, state, message, healthy: null });
}

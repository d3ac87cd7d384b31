import type { MasterTask, Resources, Sim } from "./model.js";

export const NOTHING: Resources = { cpus: 0, mem: 0, disk: 0, gpus: 0 };

const KEYS = ["cpus", "mem", "disk", "gpus"] as const;

/** The master knows of a task; what it takes is no longer offered. Counted here, because thousands are looked at often. */
export function allocate(sim: Sim, task: MasterTask): void {
  sim.masterTasks.set(task.taskId, task);
  const agent = sim.agents.get(task.agentId);
  if (agent === undefined) return;
  agent.known.add(task.taskId);
  for (const key of KEYS) agent.used[key] += task.resources[key];
  for (const port of task.ports) agent.takenPorts.add(port);
}

/** The master knows no such task any more. */
export function release(sim: Sim, taskId: string): void {
  const task = sim.masterTasks.get(taskId);
  if (task === undefined) return;
  sim.masterTasks.delete(taskId);
  sim.offersDue = true;
  const agent = sim.agents.get(task.agentId);
  if (agent === undefined) return;
  agent.known.delete(taskId);
  for (const key of KEYS) agent.used[key] -= task.resources[key];
  for (const port of task.ports) agent.takenPorts.delete(port);
}

import { setGoal } from "./instances.js";
import type { Instance, Sim } from "./model.js";
import { type Goal, isTerminal } from "./states.js";

/** What ends an instance that Marathon wants ended: a kill to Mesos, sent again until acknowledged (facts 3). */
export function killInstance(sim: Sim, instance: Instance, goal: Goal): void {
  setGoal(sim, instance, goal);
  if (!sim.instances.has(instance.id)) return;
  if (isTerminal(instance.condition) || instance.condition === "Scheduled") return;
  sendKill(sim, instance);
}

export function sendKill(sim: Sim, instance: Instance): void {
  if (instance.taskId === null) return;
  instance.killSentMs = sim.nowMs;
  killTask(sim, instance.taskId);
}

/** Reaches the agent only over a link that is up; nobody learns when it does not. */
export function killTask(sim: Sim, taskId: string): void {
  const task = sim.masterTasks.get(taskId);
  const agent = task === undefined ? undefined : sim.agents.get(task.agentId);
  if (agent === undefined || agent.link === "down" || agent.registration !== "registered") return;
  sim.out.push({ kind: "kill", agentId: agent.id, taskId });
}

/** Kills that nobody acknowledged, and what is staging for too long. */
export function repeatKills(sim: Sim): void {
  const { killRetryMs, taskLaunchTimeoutMs, taskLaunchConfirmTimeoutMs } = sim.flags;
  for (const instance of sim.instances.values()) {
    const { condition, stagedMs, killSentMs } = instance;
    const overdueAfterMs = condition === "Provisioned" ? taskLaunchConfirmTimeoutMs : taskLaunchTimeoutMs;
    const starting = condition === "Provisioned" || condition === "Staging" || condition === "Starting";
    if (killSentMs !== null && !isTerminal(condition) && condition !== "Scheduled") {
      if (sim.nowMs - killSentMs >= killRetryMs) sendKill(sim, instance);
    } else if (starting && stagedMs !== null && sim.nowMs - stagedMs >= overdueAfterMs) {
      sendKill(sim, instance);
    }
  }
}

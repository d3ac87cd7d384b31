import { allocate, NOTHING } from "./allocation.js";
import { type App, isResident, persistentVolumes } from "./app-schema.js";
import { launchAtMs } from "./backoff.js";
import { definitionOf, noHealth, setCondition } from "./instances.js";
import { matchOffer, needOf, type Offer, type Wanted } from "./match.js";
import { type Agent, type Instance, instancesOf, REJECT_REASONS, type RejectReason, type Sim } from "./model.js";
import { backoffKey, taskIdOf } from "./status.js";

/** Looks at what every agent offers and launches what fits. Nothing is offered by an agent that Mesos gave up on. */
export function processOffers(sim: Sim): void {
  sim.offersDue = false;
  for (const agent of sim.agents.values()) if (agent.registration === "registered") releaseUnknown(sim, agent);
  for (const instanceId of [...sim.waiting]) {
    const instance = sim.instances.get(instanceId);
    const app = instance === undefined ? undefined : definitionOf(sim, instance);
    if (instance !== undefined && app !== undefined && sim.nowMs >= launchNotBeforeMs(sim, app))
      place(sim, instance, app);
  }
}

/** Facts 5: a reservation whose instance or app Marathon does not know is unreserved, its volume destroyed. */
function releaseUnknown(sim: Sim, agent: Agent): void {
  if (agent.link === "down") return;
  const owned = agent.reservations.filter(
    ({ instanceId, appId }) => sim.instances.has(instanceId) && sim.apps.has(appId),
  );
  for (const lost of agent.reservations.filter((reservation) => !owned.includes(reservation)))
    for (const volume of lost.volumes) sim.out.push({ kind: "destroy-volume", agentId: agent.id, volume });
  agent.reservations = owned;
}

export function launchNotBeforeMs(sim: Sim, app: App): number {
  return launchAtMs(sim.backoffs.get(backoffKey(app.id, app.versionInfo.lastConfigChangeAt)));
}

function place(sim: Sim, instance: Instance, app: App): void {
  const wanted: Wanted = {
    instanceId: instance.id,
    reserved: instance.volumes !== null,
    app,
    placed: placedBeside(sim, instance),
    role: sim.flags.mesosRole,
  };
  for (const agent of sim.agents.values()) {
    if (agent.registration !== "registered") continue;
    const match = matchOffer(offerOf(agent), wanted);
    const reason = "reason" in match ? match.reason : null;
    note(sim, app, agent.id, reason);
    if ("reason" in match) continue;
    if (isResident(app) && instance.volumes === null) reserve(sim, instance, app, agent);
    else launch(sim, instance, app, agent, match.ports);
    return;
  }
}

function placedBeside(sim: Sim, instance: Instance) {
  return instancesOf(sim, instance.appId).flatMap((other) =>
    other.id === instance.id || other.condition === "Scheduled" || other.goal !== "Running" ? [] : (other.agent ?? []),
  );
}

function offerOf(agent: Agent): Offer {
  const { id: agentId, hostname, region, zone, attributes, resources, used, reservations } = agent;
  const left = (key: "cpus" | "mem" | "disk" | "gpus") =>
    reservations.reduce((free, { resources: reserved }) => free - reserved[key], resources[key] - used[key]);
  return {
    ...{ agentId, hostname, region, zone, attributes },
    free: { cpus: left("cpus"), mem: left("mem"), disk: left("disk"), gpus: left("gpus") },
    ports: agent.ports,
    takenPorts: agent.takenPorts,
    reservedFor: new Set(reservations.map(({ instanceId }) => instanceId)),
  };
}

/** Reserve and create, then wait for an offer that shows it; without a principal none ever will (facts 5). */
function reserve(sim: Sim, instance: Instance, app: App, agent: Agent): void {
  if (instance.reservingUntilMs !== null && sim.nowMs < instance.reservingUntilMs) return;
  instance.reservingUntilMs = sim.nowMs + sim.flags.taskReservationTimeoutMs;
  if (sim.flags.principal === null || agent.link === "down") return;
  const volumes = persistentVolumes(app).map(({ containerPath }) => {
    const uuid = sim.uuid();
    return {
      runSpecId: app.id,
      containerPath,
      uuid,
      persistenceId: `${app.id.slice(1).replaceAll("/", "_")}#${containerPath}#${uuid}`,
    };
  });
  agent.reservations.push({ instanceId: instance.id, appId: app.id, volumes, resources: needOf(app) });
  for (const volume of volumes) sim.out.push({ kind: "create-volume", agentId: agent.id, volume });
  instance.volumes = volumes;
  instance.reservingUntilMs = null;
  sim.offersDue = true;
}

function launch(sim: Sim, instance: Instance, app: App, agent: Agent, ports: readonly number[]): void {
  instance.incarnation += 1;
  const taskId = taskIdOf(instance.id, instance.incarnation);
  const { id, hostname, region, zone, attributes } = agent;
  Object.assign(instance, {
    ...{ taskId, ports, agent: { id, hostname, region, zone, attributes }, health: noHealth() },
    ...{ stagedMs: sim.nowMs, startedMs: null, mesosState: "TASK_STAGING", killSentMs: null },
    ...{ runSpecVersion: app.version, unreachableStrategy: app.unreachableStrategy, killSelection: app.killSelection },
  });
  setCondition(sim, instance, "Provisioned");
  const task = { taskId, state: "TASK_STAGING" as const, message: "", healthy: null };
  allocate(sim, { ...task, agentId: id, resources: instance.volumes === null ? needOf(app) : NOTHING, ports });
  if (!instancesOf(sim, app.id).some((other) => sim.waiting.has(other.id))) sim.queue.delete(app.id);
  // Mesos does not know yet that the agent is away: the launch is lost, and only its return or its loss tells.
  if (agent.link === "down") return;
  agent.tasks.set(taskId, { ...task });
  const volumes = instance.volumes ?? [];
  sim.out.push({
    kind: "launch",
    launch: { taskId, instanceId: instance.id, agentId: id, app, hostname, ports, volumes },
  });
}

function note(sim: Sim, app: App, agentId: string, reason: RejectReason | null): void {
  const stats = sim.queue.get(app.id) ?? {
    ...{ sinceMs: sim.nowMs, processed: 0, unused: 0, lastUnusedMs: null, lastUsedMs: null },
    lastByAgent: new Map(),
    attempt: new Map(),
  };
  sim.queue.set(app.id, stats);
  stats.processed += 1;
  stats.lastByAgent.set(agentId, reason);
  if (reason === null) stats.lastUsedMs = sim.nowMs;
  else {
    stats.unused += 1;
    stats.lastUnusedMs = sim.nowMs;
  }
  for (const step of REJECT_REASONS) {
    const count = stats.attempt.get(step) ?? { declined: 0, processed: 0 };
    count.processed += 1;
    if (step === reason) count.declined += 1;
    stats.attempt.set(step, count);
    if (step === reason) break;
  }
}

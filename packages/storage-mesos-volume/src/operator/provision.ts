import { HoldfastError } from "@holdfast/core";
import { judgeCreate, type MesosAgent } from "@holdfast/mesos";
import { idOf } from "./cluster.js";
import {
  decideProvision,
  type FoundVolume,
  findVolumes,
  type ProvisionDecision,
  type WantedVolume,
} from "./provision-decision.js";
import { reservationKey, under } from "./reservations.js";
import { type OperatorContext, settled } from "./settle.js";

/** Reserve, create, and the look that finds it. */
const ROUNDS_MAX = 3;

/**
 * Reserves the disk and makes the volume, or finds that it is there. Each change is sent once and judged by reading the
 * agents again; called again after anything, it goes on from what is there.
 * @throws `INCOMPATIBLE`, `NO_CAPACITY`, `BUSY` (the agent is away), `UNKNOWN_OUTCOME`: call again. `INVALID_SPEC`, `DENIED`
 *   and others of the operator API.
 */
export async function provisionVolume(context: OperatorContext, wanted: WantedVolume): Promise<FoundVolume> {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const { agents, recovered_agents } = await context.client.getAgents({ signal: context.signal });
    const recovering = recovered_agents.map(({ hostname }) => hostname);
    const decision = decideProvision(agents, recovering, wanted);
    if (decision.kind === "exists") return decision.found;
    await carryOut(context, decision, wanted);
  }
  throw new HoldfastError("UNKNOWN_OUTCOME", `The volume ${wanted.id} was made and is not there.`, {
    hint: "Somebody else changes the same reservation. Look at the agents, then call again.",
  });
}

async function carryOut(
  context: OperatorContext,
  decision: Exclude<ProvisionDecision, { kind: "exists" }>,
  wanted: WantedVolume,
): Promise<void> {
  const { client, signal } = context;
  switch (decision.kind) {
    case "refused": {
      const { code, message, hint, retryable } = decision;
      throw new HoldfastError(code, message, { hint, retryable });
    }
    case "reserve": {
      const { agentId, resources } = decision;
      const key = resources[0] === undefined ? null : reservationKey(resources[0]);
      return settled(
        context,
        `RESERVE_RESOURCES of ${wanted.sizeMiB} MB on ${wanted.agent}`,
        () => client.reserve(agentId, resources, { signal }),
        (agents) => key !== null && under(totalOf(agents, agentId), key).length > 0,
      );
    }
    case "create": {
      const { agentId, volumes } = decision;
      return settled(
        context,
        `CREATE_VOLUMES of ${wanted.id} on ${wanted.agent}`,
        () => client.createVolumes(agentId, volumes, { signal }),
        (agents) => judgeCreate(volumes, totalOf(agents, agentId)).kind === "applied",
      );
    }
    default:
      return decision satisfies never;
  }
}

function totalOf(agents: readonly MesosAgent[], agentId: string) {
  return agents.find((agent) => idOf(agent) === agentId)?.total_resources ?? [];
}

/**
 * Destroys the volume with its data and gives the reservation back. Succeeds when it is gone already.
 * @throws `BUSY`: in use, or its agent is away. `INCOMPATIBLE`: several; `UNKNOWN_OUTCOME`: call again.
 */
export async function destroyVolume(
  context: OperatorContext,
  wanted: Pick<WantedVolume, "id" | "role" | "agent">,
): Promise<void> {
  const { client, signal } = context;
  const { agents } = await client.getAgents({ signal });
  const found = findVolumes(agents, wanted.id, wanted.role);
  if (found.length > 1) {
    throw new HoldfastError("INCOMPATIBLE", `There are ${found.length} volumes ${wanted.id}; none was destroyed.`, {
      hint: "Find out which one it is, and use `holdfast volume reservations`.",
    });
  }
  const [one] = found;
  if (one === undefined) return requireSeen(agents, wanted);
  if (one.used) {
    throw new HoldfastError("BUSY", `The volume ${wanted.id} on ${one.hostname} is in use by a task.`, {
      hint: "Stop the service first.",
      retryable: true,
    });
  }
  const { resource } = one.volume;
  await settled(
    context,
    `DESTROY_VOLUMES of ${wanted.id} on ${one.hostname}`,
    () => client.destroyVolumes(one.agentId, [resource], { signal }),
    (now) => isRegistered(now, one.agentId) && findVolumes(now, wanted.id, wanted.role).length === 0,
  );
}

/** An agent that is away may have it still: that it is not seen does not say that it is gone. */
function requireSeen(agents: readonly MesosAgent[], { id, agent }: Pick<WantedVolume, "id" | "agent">): void {
  if (agents.some(({ agent_info }) => agent_info.hostname === agent)) return;
  throw new HoldfastError("BUSY", `The volume ${id} is not seen, and agent ${agent} is away.`, {
    hint: "Call again when it is back; an agent that is gone for good takes its volumes with it.",
    retryable: true,
  });
}

function isRegistered(agents: readonly MesosAgent[], agentId: string): boolean {
  return agents.some((agent) => idOf(agent) === agentId);
}

/** Gives back what is reserved for one owner on one machine and holds no volume. Succeeds when there is nothing. */
export async function releaseReservation(context: OperatorContext, key: string): Promise<void> {
  const { client, signal } = context;
  const { agents } = await client.getAgents({ signal });
  for (const agent of agents) {
    const held = under(agent.total_resources, key).filter((resource) => resource.disk?.persistence === undefined);
    if (held.length === 0) continue;
    await settled(
      context,
      `UNRESERVE_RESOURCES on ${agent.agent_info.hostname}`,
      () => client.unreserve(idOf(agent), held, { signal }),
      (now) =>
        isRegistered(now, idOf(agent)) &&
        under(totalOf(now, idOf(agent)), key).every((resource) => resource.disk?.persistence !== undefined),
    );
  }
}

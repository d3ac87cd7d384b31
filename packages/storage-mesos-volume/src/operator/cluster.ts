import type { MesosAgent, MesosClient, MesosFramework, MesosQuota, MesosRole } from "@holdfast/mesos";

/** What reservations are judged by, read one after the other: Mesos has no call that gives it of one moment. */
export interface ClusterView {
  readonly agents: readonly MesosAgent[];
  /** Known from before the master started, and not back yet: what they have is not known. By host name. */
  readonly recovering: readonly string[];
  readonly frameworks: readonly MesosFramework[];
  /** Removed for good; their ids are never used again. */
  readonly completed: readonly MesosFramework[];
  readonly roles: readonly MesosRole[];
  readonly quota: MesosQuota;
}

/** @throws what {@link MesosClient} throws. */
export async function readCluster(client: MesosClient, signal: AbortSignal): Promise<ClusterView> {
  // Agents first: a framework that is removed meanwhile is then seen as such, and not the reverse.
  const { agents, recovered_agents } = await client.getAgents({ signal });
  const { frameworks, completed_frameworks } = await client.getFrameworks({ signal });
  const roles = await client.getRoles({ signal });
  const quota = await client.getQuota({ signal });
  const recovering = recovered_agents.map(({ hostname }) => hostname).sort();
  return { agents, recovering, frameworks, completed: completed_frameworks, roles, quota };
}

export const hostOf = (agent: MesosAgent): string => agent.agent_info.hostname;
export const idOf = (agent: MesosAgent): string => agent.agent_info.id ?? "";

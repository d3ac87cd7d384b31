import { errorCode, type Op } from "@holdfast/core";
import type { MarathonClient } from "@holdfast/marathon";
import type { MesosAgent, MesosClient, MesosFlags } from "@holdfast/mesos";
import { type ClusterAnswers, type ClusterView, clusterView } from "../cluster/facts.js";

export interface ClusterClients {
  readonly marathon: Pick<MarathonClient, "info"> | null;
  readonly mesos: Pick<MesosClient, "getFlags" | "getAgents" | "getFrameworks"> | null;
  /** A client of the agent's own API, which has its flags; null = agents are not asked. */
  readonly agent: ((agent: MesosAgent) => Pick<MesosClient, "getFlags">) | null;
}

/** More agents than that are not asked one by one: a plan shall not take minutes. */
const AGENTS_MAX = 200;
const AT_ONCE = 8;
const AGENT_TIMEOUT_MS = 5_000;

/**
 * Reads what decides how long a failover takes and what is enforced. An agent that does not answer is part of the answer.
 * @throws `API_UNREACHABLE`, `API_UNREADABLE`, `DENIED` of Marathon or the master; `BAD_CONFIGURATION`: a flag that cannot be
 *   read.
 */
export async function readCluster({ signal }: Pick<Op, "signal">, clients: ClusterClients): Promise<ClusterView> {
  const [marathon, mesos] = await Promise.all([
    clients.marathon?.info({ signal }) ?? null,
    clients.mesos === null ? null : readMesos(clients.mesos, clients.agent, signal),
  ]);
  return clusterView({ marathon, mesos });
}

async function readMesos(
  mesos: NonNullable<ClusterClients["mesos"]>,
  agent: ClusterClients["agent"],
  signal: AbortSignal,
): Promise<ClusterAnswers["mesos"]> {
  const [masterFlags, { agents }, { frameworks }] = await Promise.all([
    mesos.getFlags({ signal }),
    mesos.getAgents({ signal }),
    mesos.getFrameworks({ signal }),
  ]);
  const answers: NonNullable<ClusterAnswers["mesos"]>["agents"][number][] = [];
  const left = agents.map((one, index) => ({ one, client: index < AGENTS_MAX ? agent : null }));
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      answers.push({ agent: next.one, ...(await flagsOf(next.one, next.client, signal)) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  // The order in which they answered says nothing.
  answers.sort((a, b) => (a.agent.agent_info.hostname < b.agent.agent_info.hostname ? -1 : 1));
  return { masterFlags, frameworks, agents: answers };
}

async function flagsOf(
  agent: MesosAgent,
  client: ClusterClients["agent"],
  signal: AbortSignal,
): Promise<{ readonly flags: MesosFlags | null; readonly problem: string | null }> {
  if (client === null) return { flags: null, problem: "not asked" };
  try {
    return { flags: await client(agent).getFlags({ signal, timeoutMs: AGENT_TIMEOUT_MS }), problem: null };
  } catch (error) {
    signal.throwIfAborted();
    const code = errorCode(error);
    if (code === undefined) throw error;
    return { flags: null, problem: error instanceof Error ? `${code}: ${error.message}` : code };
  }
}

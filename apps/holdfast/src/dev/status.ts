import { isOver } from "@holdfast/orchestrator-local";
import type { Cluster } from "./cluster.js";
import { stateOf } from "./processes.js";

export interface ClusterStatus {
  readonly directory: string;
  readonly network: string;
  readonly store: { readonly kind: string; readonly url: string; readonly hung: boolean };
  readonly agents: readonly AgentLine[];
}

export interface AgentLine {
  readonly id: string;
  readonly up: boolean;
  readonly reports: boolean;
  readonly onNetwork: boolean;
  /** Processes that do not run because they were stopped. */
  readonly stopped: number;
  readonly runs: readonly { readonly state: string; readonly says: string; readonly epoch: string | null }[];
  readonly enter: string;
}

export async function clusterStatus({
  layout,
  network,
  store,
  machines,
  orchestrator,
}: Cluster): Promise<ClusterStatus> {
  const reports = new Map(orchestrator.agents().map((agent) => [agent.id, agent.reachable]));
  const agents = await Promise.all(
    [...machines.values()].map(async (machine): Promise<AgentLine> => {
      const { id, isUp: up } = machine;
      const live = orchestrator.tasks().filter((task) => task.agent === id && !isOver(task));
      return {
        id,
        up,
        reports: reports.get(id) ?? false,
        onNetwork: up && (await network.answers(id)),
        stopped: machine.processes().filter((seen) => stateOf(seen) === "T").length,
        runs: live.map(({ state, says, epoch }) => ({ state, says, epoch })),
        enter: network.describeEnter(id),
      };
    }),
  );
  return {
    directory: layout.directory,
    network: network.kind,
    store: { kind: store.kind, url: store.hostUrl, hung: store.isHung() },
    agents,
  };
}

/** As a person reads it. */
export function describeStatus({ directory, store, agents }: ClusterStatus): string[] {
  return [
    `cluster in ${directory}, store ${store.url}${store.hung ? " (hung)" : ""}`,
    ...agents.map((agent) => `  ${agent.id.padEnd(10)} ${describeAgent(agent)}`),
    ...(agents.some((agent) => agent.enter !== "") ? [`  on an agent: ${agents[0]?.enter} COMMAND`] : []),
  ];
}

function describeAgent({ up, reports, onNetwork, stopped, runs }: AgentLine): string {
  if (!up) return "killed";
  const words = [onNetwork ? "on the network" : "cut off", reports ? "reports" : "silent"];
  if (stopped > 0) words.push(`${stopped} processes stopped`);
  for (const run of runs) {
    const epoch = run.epoch === null ? "" : ` (epoch ${run.epoch})`;
    words.push(`run ${run.state}, ${run.says === "unknown" ? "says nothing" : `${run.says}${epoch}`}`);
  }
  return words.join(", ");
}

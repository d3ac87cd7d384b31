import type { AgentId } from "@holdfast/core";
import type { NetworkAgent } from "../agents/agent.js";
import type { AgentNetwork } from "../agents/network.js";
import type { StorageAgent, StorageWorld } from "./world.js";

/** An agent of a storage world that is a network namespace of this machine. */
export function namespaceAgent(id: AgentId, machine: NetworkAgent): StorageAgent {
  let cut = false;
  let dropping = false;
  return {
    id,
    address: machine.address,
    command: (argv) => [...machine.enter, ...argv],
    async cut() {
      await machine.cut();
      cut = true;
    },
    async drop(addresses) {
      await machine.drop(addresses);
      dropping = true;
    },
    async heal() {
      if (cut) await machine.heal();
      if (dropping) await machine.undrop();
      cut = false;
      dropping = false;
    },
  };
}

/** `agent-1` and so on, as namespaces of the network. @throws for fewer than the two that every world has. */
export async function addNamespaceAgents(network: AgentNetwork, count: number): Promise<StorageWorld["agents"]> {
  const agents: StorageAgent[] = [];
  for (let index = 1; index <= count; index += 1)
    agents.push(namespaceAgent(`agent-${index}`, await network.addAgent()));
  const [first, second, ...others] = agents;
  if (first === undefined || second === undefined) throw new Error("a storage world needs at least two agents");
  return [first, second, ...others];
}

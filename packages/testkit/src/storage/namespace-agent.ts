import type { AgentId } from "@holdfast/core";
import type { NetworkAgent } from "../agents/agent.js";
import type { StorageAgent } from "./world.js";

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

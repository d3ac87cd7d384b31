import { type AgentId, HoldfastError } from "@holdfast/core";
import type { DevNetwork } from "./types.js";

/**
 * Without root: every agent has an address of its own in 127.0.0.0/8, so that the same definition with the same port
 * fits all of them, and its processes are told apart by a mark in their environment.
 */
export function createLoopbackNetwork(agents: readonly AgentId[]): DevNetwork {
  // Two clusters of one user side by side must not meet at the same address.
  const block = (process.pid % 250) + 1;
  const addresses = new Map(agents.map((agent, index) => [agent, `127.84.${block}.${index + 1}`]));
  const bindOf = (agent: AgentId) => {
    const address = addresses.get(agent);
    if (address === undefined) throw new Error(`no such agent: ${agent}`);
    return address;
  };
  return {
    kind: "loopback",
    cannot: [
      "cut an agent's network: `cut` takes away the store and the orchestrator instead (needs root for more)",
      "keep other users of this machine from the databases' ports",
    ],
    hostAddress: `127.84.${block}.254`,
    bindOf,
    enter: () => [],
    describeEnter: () => "",
    processes: () => [],
    async cut() {
      throw new HoldfastError("UNSUPPORTED", "Without root an agent has no network of its own to cut.", {
        hint: "Run `holdfast dev` as root.",
      });
    },
    async heal() {
      // Never cut.
    },
    answers: async () => true,
    async remove() {
      // Nothing was made.
    },
  };
}

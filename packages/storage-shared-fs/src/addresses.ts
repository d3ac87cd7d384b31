import { isIP } from "node:net";
import { type AgentId, HoldfastError } from "@holdfast/core";
import type { SharedFsOptions } from "./options.js";

/** Pure. @throws `INVALID_SPEC` for an agent that the map lacks and whose id is no address: a name is nothing to fence by. */
export function addressesOf(options: Pick<SharedFsOptions, "agents">, agent: AgentId): readonly string[] {
  const named = options.agents[agent];
  if (named !== undefined) return typeof named === "string" ? [named] : named;
  if (isIP(agent) !== 0) return [agent];
  throw new HoldfastError("INVALID_SPEC", `Nothing says from which address agent ${agent} mounts.`, {
    hint: `Add it to options.agents: { "${agent}": "192.0.2.7" }.`,
    detail: { agent },
  });
}

/** As exports(5) and exportfs(8) write a client: IPv6 in brackets. */
export function exportClient(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address;
}

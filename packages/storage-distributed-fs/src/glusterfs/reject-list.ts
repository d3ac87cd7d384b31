import type { GlusterfsOptions } from "./options.js";
import type { VolumeInfo } from "./xml.js";

/** `auth.reject`: comma-separated addresses whose clients the bricks refuse (server/auth/addr). */
export const REJECT = "auth.reject";

export function rejected(info: VolumeInfo): string[] {
  return (info.options.get(REJECT) ?? "").split(",").filter((address) => address !== "");
}

/** The agents behind the addresses; an address that no agent is known for stands for itself. */
export function agentsOf(addresses: readonly string[], { agents }: Pick<GlusterfsOptions, "agents">): string[] {
  const byAddress = new Map(Object.entries(agents).map(([agent, address]) => [address, agent]));
  return addresses.map((address) => byAddress.get(address) ?? address);
}

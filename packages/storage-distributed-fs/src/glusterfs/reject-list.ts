import type { GlusterfsOptions } from "./options.js";
import type { VolumeInfo } from "./xml.js";

/** `auth.reject`: comma-separated addresses whose clients the bricks refuse (server/auth/addr). */
export const REJECT = "auth.reject";

/**
 * Stands in the list when nobody is refused: an address that no machine has (RFC 5737). `volume reset` would be the natural way back, but a
 * brick of 10.3 that learnt of the list when its server came back from being cut off goes on refusing after it, until
 * the list is set to something else (seen; its log says `rejected = …` while no volume file has the option any more).
 */
const NOBODY = "192.0.2.1";

export function rejected(info: VolumeInfo): string[] {
  return (info.options.get(REJECT) ?? "").split(",").filter((address) => address !== "" && address !== NOBODY);
}

export function formatRejected(addresses: readonly string[]): string {
  return addresses.length === 0 ? NOBODY : addresses.join(",");
}

/** The agents behind the addresses; an address that no agent is known for stands for itself. */
export function agentsOf(addresses: readonly string[], { agents }: Pick<GlusterfsOptions, "agents">): string[] {
  const byAddress = new Map(Object.entries(agents).map(([agent, address]) => [address, agent]));
  return addresses.map((address) => byAddress.get(address) ?? address);
}

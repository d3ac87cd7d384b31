import type { Turn } from "./turn.js";

/** Who used the volume before, as the volume itself says. */
export function describeFormer(turn: Turn): string {
  const last = turn.state.volume.look?.last ?? null;
  if (last === null) return "the volume names no former holder";
  return `its last holder was run ${last.run} on agent ${last.agent}, epoch ${last.epoch}`;
}

/** Nothing of ours was started, but whoever holds the claim may write: nobody may start until that is fenced. */
export function claimLeftover(turn: Turn): string {
  const { config } = turn.state;
  const path = config.volume?.path ?? "the volume";
  return `a process holds the claim on ${path} as seen from agent ${config.agent}; ${describeFormer(turn)}`;
}

import type { AgentId } from "../ids.js";
import type { AgentView, Placement } from "./observation.js";

/** Where a service with several volumes may run: what all of them permit. Pure. */
export function combinePlacements(
  placements: readonly { readonly role: string; readonly placement: Placement }[],
): Placement {
  const waits = placements.flatMap(({ role, placement }) =>
    placement.kind === "wait" ? [`${role}: ${placement.why}`] : [],
  );
  if (waits.length > 0) return { kind: "wait", why: waits.join("; ") };
  const lists: (readonly AgentId[])[] = [];
  let restore = false;
  const whys: string[] = [];
  const attributes: Extract<Placement, { kind: "attribute" }>[] = [];
  for (const { role, placement } of placements) {
    if (placement.kind === "attribute") attributes.push(placement);
    if (placement.kind !== "agents") continue;
    lists.push(placement.agents);
    restore ||= placement.restore === true;
    whys.push(`${role}: ${placement.why}`);
  }
  const [attribute] = attributes;
  const [first] = lists;
  if (first === undefined) return attribute ?? { kind: "any" };
  const agents = first.filter((agent) => lists.every((list) => list.includes(agent)));
  if (agents.length === 0) return { kind: "wait", why: `no agent suits every volume; ${whys.join("; ")}` };
  for (const { name, value, why } of attributes) whys.push(`${name}=${value} must hold there: ${why}`);
  return { kind: "agents", agents, why: whys.join("; "), ...(restore ? { restore } : {}) };
}

export interface AgentSilence {
  readonly id: AgentId;
  readonly reachable: boolean;
  /** Milliseconds since its last answer; null = never. */
  readonly silentMs: number | null;
  readonly spareMiB: number | null;
}

/**
 * Agents as a strategy's placement sees them. The agent that has the data is not given up for lost because it missed a
 * beat: it counts as there until it was silent for `lostMs`, which is an operator's decision. Pure.
 */
export function agentViews(
  agents: readonly AgentSilence[],
  home: AgentId | null,
  lostMs: number,
): readonly AgentView[] {
  return agents.map(({ id, reachable, silentMs, spareMiB }) => {
    const kept = id === home && (silentMs === null || silentMs < lostMs);
    return { id, reachable: reachable || kept, spareMiB };
  });
}

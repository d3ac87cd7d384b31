import type {
  AgentId,
  AgentView,
  ObservedVolume,
  Placement,
  StoragePlan,
  StorageRecord,
  StorageTarget,
  Volume,
} from "@holdfast/core";
import { seenOn } from "./observe.js";
import { mesosVolume } from "./options.js";

/**
 * Pure: the agent that has the volume, by what is on record, else by what Mesos says, else where it may be made. It waits
 * for that agent without limit; only a person decides that it is lost.
 */
export function placeMesos(volume: Volume, observed: ObservedVolume, agents: readonly AgentView[]): Placement {
  const { options } = mesosVolume(volume);
  const home = homeOf(observed.recorded);
  const seen = seenOn(observed);
  if (home !== null) return atHome(home, seen, agents);
  if (seen !== null) return { kind: "agents", agents: [seen], why: `Mesos has its volume on ${seen}` };
  if (options.agents === undefined) return { kind: "any" };
  const there = agents.filter(({ id, reachable }) => reachable && options.agents?.includes(id)).map(({ id }) => id);
  if (there.length > 0) return { kind: "agents", agents: there, why: "options.agents names where it may be made" };
  return { kind: "wait", why: `none of ${options.agents.join(", ")} can be reached, where the volume may be made` };
}

function atHome(home: AgentId, seen: AgentId | null, agents: readonly AgentView[]): Placement {
  const reachable = (id: AgentId) => agents.some((agent) => agent.id === id && agent.reachable);
  // The machine came back under another name; its reservations, with their labels, came with it.
  if (seen !== null && seen !== home && reachable(seen)) {
    return { kind: "agents", agents: [seen], why: `Mesos has its volume on ${seen}, which was ${home} on record` };
  }
  if (reachable(home)) return { kind: "agents", agents: [home], why: `its volume is on ${home} and nowhere else` };
  const how = agents.some(({ id }) => id === home) ? "cannot be reached" : "nobody knows of";
  return {
    kind: "wait",
    why: `its volume is on ${home}, which ${how}; it waits for ${home}. Nothing is wiped: a wipe, a delete or "agent gone" would end in a new, empty volume`,
  };
}

function homeOf(recorded: StorageRecord | null): AgentId | null {
  return recorded?.pin?.agent ?? recorded?.initialised?.agent ?? null;
}

/**
 * Pure. A run is where Mesos launched it, and Mesos launches it on its volume: the agent's name decides nothing here,
 * because it may change while the volume stays. Whether it is the volume on record is told by the volume's own mark, when
 * it is verified; on another one nothing starts.
 */
export function planMesos(observed: ObservedVolume, target: StorageTarget): StoragePlan {
  const home = homeOf(observed.recorded);
  const why =
    home === null
      ? `${target.agent} becomes the agent of the volume`
      : home === target.agent
        ? "its volume is there"
        : `on record is ${home}; whether this is the same volume under another name, its mark says`;
  return { kind: "steps", steps: [{ verb: "attach", agent: target.agent, why }] };
}

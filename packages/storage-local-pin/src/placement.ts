import type { AgentId, AgentView, ObservedVolume, Placement, StorageRecord, Volume } from "@holdfast/core";
import { type LocalPinOptions, localVolume } from "./options.js";

/** Pure: the agent that has the data, else the one that shall have it. */
export function placeLocal(
  volume: Volume,
  observed: ObservedVolume,
  agents: readonly AgentView[],
  restores: boolean,
): Placement {
  const { options } = localVolume(volume);
  const home = homeOf(observed.recorded);
  if (home === null) {
    const choice = choosePin(volume, agents, options);
    return choice.kind === "wait" ? choice : { kind: "agents", agents: [choice.agent], why: choice.why };
  }
  if (agents.some(({ id, reachable }) => id === home && reachable)) {
    return { kind: "agents", agents: [home], why: `its data is on ${home} and nowhere else` };
  }
  const gone = `its data is on ${home}, which ${agents.some(({ id }) => id === home) ? "cannot be reached" : "nobody knows of"}`;
  if (options.onAgentLoss === "wait") {
    return { kind: "wait", why: `${gone}; it waits for ${home}, because onAgentLoss is wait` };
  }
  if (observed.recorded?.initialised === null) {
    return { kind: "wait", why: `${gone}; it never ran there, so there is nothing to restore. Move the pin by hand.` };
  }
  if (!restores) {
    return { kind: "wait", why: `${gone}; onAgentLoss is restore-elsewhere, but this program has no restore source` };
  }
  const choice = choosePin(volume, agents, options, home);
  if (choice.kind === "wait") return { kind: "wait", why: `${gone}; ${choice.why}` };
  const why = `${gone}; it is restored from ${options.restoreFrom} on ${choice.agent}: ${choice.why}`;
  return { kind: "agents", agents: [choice.agent], why, restore: true };
}

/** The agent on record; null when none was ever chosen. */
export function homeOf(recorded: StorageRecord | null): AgentId | null {
  return recorded?.pin?.agent ?? recorded?.initialised?.agent ?? null;
}

export type PinChoice =
  | { readonly kind: "pin"; readonly agent: AgentId; readonly why: string }
  | { readonly kind: "wait"; readonly why: string };

/**
 * Pure: the reachable agent with the most spare disk, of those where the volume fits. An agent that does not say how much
 * it has comes last. Equal agents are told apart by name, so that the same facts choose the same agent.
 */
export function choosePin(
  { diskMiB }: Pick<Volume, "diskMiB">,
  agents: readonly AgentView[],
  options: Pick<LocalPinOptions, "agents">,
  except: AgentId | null = null,
): PinChoice {
  const refused: string[] = [];
  const fitting = agents.filter((agent) => {
    const why = whyNot(agent, { diskMiB, allowed: options.agents, except });
    if (why !== undefined) refused.push(`${agent.id} ${why}`);
    return why === undefined;
  });
  const [best] = fitting.sort(
    (a, b) => (b.spareMiB ?? -1) - (a.spareMiB ?? -1) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  );
  if (best === undefined) {
    return {
      kind: "wait",
      why: `no agent can take it: ${refused.length === 0 ? "there is none" : refused.join("; ")}`,
    };
  }
  const spare = best.spareMiB === null ? "its spare disk is not known" : `${best.spareMiB} MiB spare`;
  const others = fitting.length - 1;
  const among =
    others === 0 ? "the only agent that can take it" : `the most of ${fitting.length} agents that can take it`;
  return { kind: "pin", agent: best.id, why: `${spare}, ${among}` };
}

function whyNot(
  { id, reachable, spareMiB }: AgentView,
  wanted: { diskMiB: number | null; allowed: readonly AgentId[] | undefined; except: AgentId | null },
): string | undefined {
  if (id === wanted.except) return "is the one that is lost";
  if (wanted.allowed !== undefined && !wanted.allowed.includes(id)) return "is not among options.agents";
  if (!reachable) return "cannot be reached";
  if (spareMiB !== null && wanted.diskMiB !== null && spareMiB < wanted.diskMiB) {
    return `has ${spareMiB} MiB spare of ${wanted.diskMiB} wanted`;
  }
  return undefined;
}

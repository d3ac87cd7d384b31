import { type AgentId, agentIdSchema, type Epoch, epochSchema, type FormerHolder, HoldfastError } from "@holdfast/core";
import * as z from "zod";

/**
 * Who is let in, as it is kept at the server in the volume's own file: beside the rules that follow from it, in a
 * comment. The server is the only place that every controller reaches and that is there when access is decided.
 */
export const accessStateSchema = z.object({
  v: z.literal(1),
  service: z.string(),
  role: z.string(),
  /** The highest epoch that attached or fenced. */
  epoch: epochSchema,
  attached: z.array(z.object({ agent: agentIdSchema, epoch: epochSchema })),
  fenced: z.array(z.object({ agent: agentIdSchema, epoch: epochSchema, byEpoch: epochSchema })),
});
export type AccessState = z.output<typeof accessStateSchema>;

export function emptyState(volume: { readonly service: string; readonly role: string }): AccessState {
  return { v: 1, service: volume.service, role: volume.role, epoch: 0n, attached: [], fenced: [] };
}

/** @throws `STALE_EPOCH`, `HELD_BY_OTHER` {agent, epoch}, `DENIED` for an agent that is still fenced. */
export function attachAgent(state: AccessState, agent: AgentId, epoch: Epoch): AccessState {
  refuseStale(state, epoch);
  const other = state.attached.find((entry) => entry.agent !== agent);
  if (other !== undefined) {
    throw new HoldfastError("HELD_BY_OTHER", `It is attached to agent ${other.agent} (epoch ${other.epoch}).`, {
      hint: "Wait for that run to end, or plan a fence. Never force it.",
      retryable: true,
      detail: { agent: other.agent, epoch: other.epoch },
    });
  }
  if (state.fenced.some((entry) => entry.agent === agent)) {
    throw new HoldfastError("DENIED", `Agent ${agent} is fenced.`, {
      hint: "It is let in again (unfence) once its former run is known to be gone.",
      detail: { agent },
    });
  }
  return { ...state, epoch, attached: [{ agent, epoch }] };
}

export function detachAgent(state: AccessState, agent: AgentId): AccessState {
  return { ...state, attached: state.attached.filter((entry) => entry.agent !== agent) };
}

/** @throws `STALE_EPOCH`: the grant is older than what attached or fenced last, or the agent was attached again since. */
export function fenceAgent(state: AccessState, former: FormerHolder, byEpoch: Epoch): AccessState {
  refuseStale(state, byEpoch);
  const again = state.attached.find((entry) => entry.agent === former.agent && entry.epoch > former.epoch);
  if (again !== undefined) {
    throw new HoldfastError(
      "STALE_EPOCH",
      `Agent ${former.agent} has been attached again, under epoch ${again.epoch}.`,
      {
        hint: "Observe and plan again.",
        detail: { agent: again.agent, epoch: again.epoch },
      },
    );
  }
  const fenced = state.fenced.filter((entry) => entry.agent !== former.agent);
  return {
    ...detachAgent(state, former.agent),
    epoch: byEpoch,
    fenced: [...fenced, { agent: former.agent, epoch: former.epoch, byEpoch }],
  };
}

export function unfenceAgent(state: AccessState, agent: AgentId): AccessState {
  return { ...state, fenced: state.fenced.filter((entry) => entry.agent !== agent) };
}

/**
 * The agents whose addresses the server lets in. Mounted by us: the attached one alone. Mounted by the operator, who
 * wants it mounted everywhere all the time: every agent of the map but the fenced.
 */
export function admitted(
  state: AccessState,
  mount: "holdfast" | "operator",
  known: readonly AgentId[],
): readonly AgentId[] {
  if (mount === "holdfast") return state.attached.map(({ agent }) => agent);
  return known.filter((agent) => !state.fenced.some((entry) => entry.agent === agent));
}

function refuseStale(state: AccessState, epoch: Epoch): void {
  if (epoch >= state.epoch) return;
  throw new HoldfastError(
    "STALE_EPOCH",
    `Epoch ${epoch} is older than ${state.epoch}, which attached or fenced last.`,
    {
      hint: "Stop; the grant is void.",
      detail: { epoch: state.epoch },
    },
  );
}

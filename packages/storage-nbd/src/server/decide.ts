import { HoldfastError } from "@holdfast/core";
import type { Attachment } from "../answer.js";
import type { VolumeState } from "./state.js";

export type ServerRequest =
  | { readonly verb: "attach"; readonly agent: string; readonly address: string; readonly epoch: bigint }
  | { readonly verb: "detach"; readonly agent: string }
  | { readonly verb: "fence"; readonly agent: string; readonly epoch: bigint; readonly byEpoch: bigint }
  | { readonly verb: "unfence"; readonly agent: string };

export interface ServerDecision {
  /**
   * To be on disk before anything is done. Afterwards every process of the volume that serves anything but
   * `state.attached` is ended, so that nothing else has to be decided.
   */
  readonly state: VolumeState;
  /** Refuse when somebody is connected. */
  readonly onlyIdle: boolean;
}

/** Pure. @throws `STALE_EPOCH`, `HELD_BY_OTHER`, `DENIED`, `INVALID_SPEC`. */
export function decide(volume: string, state: VolumeState, request: ServerRequest, at: string): ServerDecision {
  const asItIs: ServerDecision = { state, onlyIdle: false };
  switch (request.verb) {
    case "attach": {
      refuseOlder(volume, state, request.epoch);
      const { attached } = state;
      if (attached !== null && attached.agent !== request.agent) throw heldByOther(volume, attached);
      const fence = state.fenced.find(({ agent }) => agent === request.agent);
      if (fence !== undefined) throw fenced(volume, fence);
      const wanted = attachmentOf(volume, request);
      if (attached !== null && isSame(attached, wanted)) return asItIs;
      return { state: { ...state, epoch: String(request.epoch), attached: wanted }, onlyIdle: false };
    }
    case "detach":
      if (state.attached !== null && state.attached.agent !== request.agent) return asItIs;
      return { state: { ...state, attached: null }, onlyIdle: true };
    case "fence": {
      refuseOlder(volume, state, request.byEpoch);
      if (request.epoch >= request.byEpoch) {
        throw new HoldfastError("INVALID_SPEC", `Epoch ${request.byEpoch} cannot fence epoch ${request.epoch}.`, {
          hint: "Only a newer grant fences an older one.",
        });
      }
      // What the agent holds under a newer grant than the former one, it was given rightly: by the fencing grant itself.
      const holds = state.attached?.agent === request.agent && BigInt(state.attached.epoch) < request.byEpoch;
      const others = state.fenced.filter(({ agent }) => agent !== request.agent);
      const { agent, epoch, byEpoch } = request;
      return {
        state: {
          ...state,
          epoch: String(byEpoch),
          attached: holds ? null : state.attached,
          fenced: [...others, { agent, epoch: String(epoch), byEpoch: String(byEpoch), at }],
        },
        onlyIdle: false,
      };
    }
    case "unfence":
      return { ...asItIs, state: { ...state, fenced: state.fenced.filter(({ agent }) => agent !== request.agent) } };
    default:
      return request satisfies never;
  }
}

/** The epoch is in the name, so a client of an older one asks for something that does not exist. */
export function exportName(volume: string, epoch: bigint): string {
  return `${volume}.e${epoch}`;
}

function attachmentOf(volume: string, request: Extract<ServerRequest, { verb: "attach" }>): Attachment {
  const { agent, address, epoch } = request;
  return { agent, address, epoch: String(epoch), export: exportName(volume, epoch) };
}

function isSame(a: Attachment, b: Attachment): boolean {
  return a.agent === b.agent && a.address === b.address && a.epoch === b.epoch && a.export === b.export;
}

function refuseOlder(volume: string, state: VolumeState, epoch: bigint): void {
  if (epoch >= BigInt(state.epoch)) return;
  throw new HoldfastError("STALE_EPOCH", `Volume ${volume} has seen epoch ${state.epoch}; ${epoch} is void.`, {
    hint: "Stop; a newer run has the volume.",
    detail: { epoch: String(epoch), seen: state.epoch },
  });
}

function heldByOther(volume: string, by: Attachment): HoldfastError {
  return new HoldfastError(
    "HELD_BY_OTHER",
    `Volume ${volume} is attached to agent ${by.agent} under epoch ${by.epoch}.`,
    {
      hint: "Detach it there, or fence that agent.",
      retryable: true,
      detail: { agent: by.agent, epoch: by.epoch },
    },
  );
}

function fenced(volume: string, fence: VolumeState["fenced"][number]): HoldfastError {
  return new HoldfastError(
    "DENIED",
    `Agent ${fence.agent} was fenced from volume ${volume} by epoch ${fence.byEpoch}, as the holder of epoch ${fence.epoch}.`,
    { hint: "Unfence it once its former run is known gone.", detail: { agent: fence.agent, byEpoch: fence.byEpoch } },
  );
}

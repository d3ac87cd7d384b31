import { type AgentId, HoldfastError, type Op, type Volume } from "@holdfast/core";
import { type AccessState, admitted, attachAgent, detachAgent, fenceAgent, unfenceAgent } from "../access/state.js";
import { addressesOf } from "../addresses.js";
import type { SharedFsOptions } from "../options.js";
import type { ServerController } from "./controller.js";
import type { Exporter } from "./exporter.js";

const TRIES_MAX = 4;

/** Access by what a server exports to whom. */
export function exportController(exporter: Exporter, options: SharedFsOptions): ServerController {
  async function change(
    op: Op,
    volume: Volume,
    transition: (state: AccessState, exists: boolean) => AccessState,
    fenced: AgentId | null,
  ): Promise<string> {
    for (let tried = 0; tried < TRIES_MAX; tried += 1) {
      op.signal.throwIfAborted();
      const { state, token, exists } = await exporter.read(op, volume, options);
      const next = transition(state, exists);
      const admit = addresses(admitted(next, options.mount, Object.keys(options.agents)));
      // Every agent that ever was in the file or is in the map; the rest of the world was never let in by us.
      const known = [
        ...Object.keys(options.agents),
        ...[state, next].flatMap(({ attached, fenced: out }) => [...attached, ...out].map(({ agent }) => agent)),
      ];
      const refuse = addresses(known).filter((address) => !admit.includes(address));
      const expire = fenced === null ? [] : addressesOf(options, fenced);
      const said = await exporter.apply(op, volume, options, { next, token, admit, refuse, expire });
      if (said !== null) return said;
    }
    throw new HoldfastError("BUSY", "The volume's access rules change faster than they can be read.", {
      hint: "Call again later.",
      retryable: true,
    });
  }

  function addresses(agents: readonly AgentId[]): string[] {
    return [...new Set(agents.flatMap((agent) => addressesOf(options, agent)))];
  }

  return {
    async observe(op, volume) {
      const { state, exists, said } = await exporter.read(op, volume, options);
      return {
        exists,
        attachments: state.attached,
        fenced: state.fenced.map(({ agent }) => agent),
        detail: { epoch: state.epoch.toString(), server: said.slice(0, 2_000) },
      };
    },
    async attach(op, volume, agent, epoch) {
      const transition = (state: AccessState, exists: boolean) => {
        if (exists) return attachAgent(state, agent, epoch);
        throw new HoldfastError("NOT_FOUND", `The server has no directory for ${options.source}.`, {
          hint: "Create it there, or correct source or server.directory.",
        });
      };
      await change(op, volume, transition, null);
    },
    async detach(op, volume, agent) {
      await change(op, volume, (state) => detachAgent(state, agent), null);
    },
    fence: (op, volume, former, byEpoch) =>
      change(op, volume, (state) => fenceAgent(state, former, byEpoch), former.agent),
    async unfence(op, volume, agent) {
      await change(op, volume, (state) => unfenceAgent(state, agent), null);
    },
    inspect: (op, volume) => exporter.inspect(op, volume, options),
    fenceCommands(volume) {
      const known = addresses(Object.keys(options.agents));
      return exporter.fenceCommands(volume, options, known.length === 0 ? ["ADDRESS"] : known);
    },
  };
}

import { type ExecResult, HoldfastError, type Op, type Volume } from "@holdfast/core";
import type { ImageOptions } from "./options.js";

const TIMEOUT_MS = 10_000;
const ANSWERS = { NOT_FOUND: 2, HELD: 3, STALE: 4, FENCED: 5, IN_USE: 6, DOWN: 75 } as const;

export const optionsOf = (volume: Volume) => volume.options as ImageOptions;

/** Asks the server, and turns its refusals into codes. */
export async function askServer(op: Op, volume: Volume, verb: string, ...args: readonly string[]): Promise<ExecResult> {
  const { server, volume: name } = optionsOf(volume);
  const okExitCodes = [0, ...Object.values(ANSWERS)];
  const result = await op.control(server, [verb, name, ...args], { timeoutMs: TIMEOUT_MS, okExitCodes });
  const said = result.stdout.trim();
  switch (result.exitCode) {
    case ANSWERS.NOT_FOUND:
      throw new HoldfastError("NOT_FOUND", `There is no volume ${name}.`, { hint: "Create it, or correct its name." });
    case ANSWERS.HELD: {
      const [agent = "", epoch = "0"] = said.split(" ");
      throw new HoldfastError("HELD_BY_OTHER", `Volume ${name} is attached to ${agent} (epoch ${epoch}).`, {
        hint: "Wait for that run to end, or fence it.",
        retryable: true,
        detail: { agent, epoch: BigInt(epoch) },
      });
    }
    case ANSWERS.STALE:
      throw new HoldfastError("STALE_EPOCH", `Volume ${name} has seen epoch ${said}.`, { hint: "The grant is void." });
    case ANSWERS.FENCED:
      throw new HoldfastError("DENIED", `Agent ${args[0]} is fenced off volume ${name}.`, {
        hint: "Make sure that its former run is gone, then unfence it.",
      });
    case ANSWERS.DOWN:
      throw new HoldfastError("UNKNOWN_OUTCOME", "The image server is out of order.", {
        hint: "Start it.",
        retryable: true,
      });
    default:
      return result;
  }
}

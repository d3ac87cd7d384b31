import { type Clock, errorCode, HoldfastError } from "@holdfast/core";
import type { MesosAgent, MesosClient } from "@holdfast/mesos";

/** What a change needs beside the change itself. */
export interface OperatorContext {
  readonly client: MesosClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long an agent may take to do what the master passed on. Default 30 000. Milliseconds. */
  readonly settleMs?: number;
}

const SETTLE_MS = 30_000;
const LOOK_MS = 500;

/**
 * Sends a change once and reads the agents until it shows. Mesos says nothing about the end of such a change, and none may
 * be repeated blindly; so an answer that is lost, and a refusal because it was done already, are both settled by what is
 * there afterwards.
 * @throws what `send` threw, when the agents do not show the change. `UNKNOWN_OUTCOME`: accepted, and not seen in time; look again,
 *   then decide again.
 */
export async function settled(
  context: OperatorContext,
  what: string,
  send: () => Promise<void>,
  isDone: (agents: readonly MesosAgent[]) => boolean,
): Promise<void> {
  const { client, clock, signal, settleMs = SETTLE_MS } = context;
  let refused: unknown;
  try {
    await send();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    refused = error;
  }
  const endMs = clock.now().monoMs + settleMs;
  for (;;) {
    const { agents } = await client.getAgents({ signal });
    if (isDone(agents)) return;
    // Only an unknown outcome may still come true.
    if (refused !== undefined && errorCode(refused) !== "UNKNOWN_OUTCOME") throw refused;
    if (clock.now().monoMs >= endMs) break;
    await clock.sleep(LOOK_MS, signal);
  }
  throw new HoldfastError("UNKNOWN_OUTCOME", `${what} was sent, and the agent does not show it after ${settleMs} ms.`, {
    hint: "Nothing was repeated. Look at the agent, then run the same command again: it goes by what is there then.",
    cause: refused,
  });
}

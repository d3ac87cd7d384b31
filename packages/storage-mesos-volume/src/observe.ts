import { errorCode, type ObservedVolume, type Op, type Volume } from "@holdfast/core";
import { type MesosAgent, type MesosClient, volumesOf } from "@holdfast/mesos";
import * as z from "zod";
import { hostOf, idOf } from "./operator/cluster.js";
import { parseMarathonVolumeId, persistenceIdOf } from "./operator/names.js";
import { mesosVolume } from "./options.js";

/** A run does not wait for Mesos's API: its volume is where Mesos launched it. */
const LOOK_MS = 3_000;

/** A persistent volume that may be the service's, as the master lists it. */
export interface SeenVolume {
  readonly id: string;
  readonly hostname: string;
  readonly agentId: string;
  readonly sizeMb: number;
  readonly used: boolean;
}

const detailSchema = z.looseObject({ on: z.string().nullable().catch(null) }).catch({ on: null });

/** Pure: the agent on which Mesos has the one volume that goes by the service's own id; null = none, or it was not asked. */
export function seenOn(observed: ObservedVolume): string | null {
  return detailSchema.parse(observed.detail).on;
}

/**
 * What Mesos says, where it can be asked. That it cannot changes nothing for a run, and is said in `detail` and the log.
 */
export async function observeMesos(op: Op, volume: Volume, client: MesosClient | null): Promise<ObservedVolume> {
  const { options } = mesosVolume(volume);
  const base = { exists: true, attachments: [], fenced: [], recorded: null };
  if (client === null) return { ...base, detail: { on: null, seenBy: "the agent alone" } };
  try {
    const { agents } = await client.getAgents({ timeoutMs: LOOK_MS, signal: op.signal });
    const volumes = candidates(agents, volume);
    const direct = options.through === "mesos";
    // Marathon gives each volume a new id: which of several is the service's, its mark says, and nothing here.
    const on = direct && volumes.length === 1 ? (volumes[0]?.hostname ?? null) : null;
    return { ...base, detail: { on, volumes, seenBy: "Mesos" } };
  } catch (error) {
    op.signal.throwIfAborted();
    const code = errorCode(error);
    if (code === undefined) throw error;
    const message = error instanceof Error ? error.message : String(error);
    op.logger.log("warn", `Mesos could not be asked where the ${volume.role} volume is: ${message}`, { code });
    return { ...base, detail: { on: null, seenBy: "the agent alone", mesos: message } };
  }
}

/** Pure: by our id; or, of Marathon's, those of an app that ends in the service's name, with the directory's name. */
export function candidates(agents: readonly MesosAgent[], volume: Volume): readonly SeenVolume[] {
  const { options, name } = mesosVolume(volume);
  const matches = (id: string) => {
    if (options.through === "mesos") return id === persistenceIdOf(volume);
    const marathon = parseMarathonVolumeId(id);
    return marathon?.name === name && (marathon.app === volume.service || marathon.app.endsWith(`_${volume.service}`));
  };
  return agents.flatMap((agent) => {
    const used = new Set(volumesOf(agent.allocated_resources).map(({ id }) => id));
    return volumesOf(agent.total_resources)
      .filter(({ id, role }) => matches(id) && (options.mesosRole === undefined || role === options.mesosRole))
      .map(({ id, sizeMb }) => ({ id, sizeMb, used: used.has(id), hostname: hostOf(agent), agentId: idOf(agent) }));
  });
}

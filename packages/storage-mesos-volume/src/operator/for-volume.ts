import { HoldfastError, type Op, type Volume } from "@holdfast/core";
import type { DiskSource, MesosClient } from "@holdfast/mesos";
import { type MesosVolume, type MesosVolumeOptions, mesosVolume, sizeMiBOf } from "../options.js";
import { labelsOf, persistenceIdOf } from "./names.js";
import { destroyVolume, provisionVolume, releaseReservation } from "./provision.js";
import type { WantedVolume } from "./provision-decision.js";
import { keyOf } from "./reservations.js";
import type { OperatorContext } from "./settle.js";

type Connect = (config: NonNullable<MesosVolumeOptions["api"]>) => MesosClient;

/** Makes the volume that the service file describes. @throws `UNSUPPORTED` through Marathon; see `provisionVolume`. */
export async function provisionFor(op: Op, volume: Volume, connect: Connect): Promise<void> {
  const { wanted, api } = directly(volume);
  await provisionVolume(contextOf(op, connect(api)), { ...wanted, sizeMiB: sizeMiBOf(volume) });
}

/**
 * @param confirmed - `volumeId` is the id of the persistent volume, as `explain` prints it: the mark's id is on the agent,
 *   where this does not look.
 */
export async function destroyFor(
  op: Op,
  volume: Volume,
  confirmed: { readonly volumeId: string },
  connect: Connect,
): Promise<void> {
  const { wanted, api } = directly(volume);
  if (confirmed.volumeId !== wanted.id) {
    throw new HoldfastError("DENIED", `Destroying ${wanted.id} was not confirmed.`, {
      hint: `Its data is deleted at once. Confirm it by its id, ${wanted.id}.`,
    });
  }
  const context = contextOf(op, connect(api));
  await destroyVolume(context, wanted);
  const { role, principal, labels } = wanted;
  await releaseReservation(context, keyOf([{ type: "DYNAMIC", role, principal, labels }]));
}

function contextOf(op: Op, client: MesosClient): OperatorContext {
  return { client, clock: op.clock, signal: op.signal };
}

function directly(volume: Volume): {
  wanted: Omit<WantedVolume, "sizeMiB">;
  api: NonNullable<MesosVolumeOptions["api"]>;
} {
  const mesos = mesosVolume(volume);
  const { api, mesosRole, principal, agents, through } = mesos.options;
  const agent = agents?.[0];
  if (
    through !== "mesos" ||
    api === undefined ||
    mesosRole === undefined ||
    principal === undefined ||
    agent === undefined
  ) {
    throw new HoldfastError("UNSUPPORTED", "Marathon makes and destroys the volume of this service.", {
      hint: "Launch the app, or delete it. With through: mesos it is made by the operator API.",
    });
  }
  const wanted = { id: persistenceIdOf(volume), agent, role: mesosRole, principal, labels: labelsOf(volume) };
  return { wanted: { ...wanted, containerPath: mesos.name, source: sourceOf(mesos) }, api };
}

function sourceOf({ options: { disk, diskPath } }: MesosVolume): DiskSource | undefined {
  if (disk === "root" || diskPath === undefined) return undefined;
  return { type: disk === "mount" ? "MOUNT" : "PATH", root: diskPath };
}

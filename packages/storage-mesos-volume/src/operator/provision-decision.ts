import type { ErrorCode } from "@holdfast/core";
import {
  amountOf,
  type DiskSource,
  type MesosAgent,
  type MesosResource,
  type PersistentVolume,
  persistentVolume,
  type Reservation,
  reservedScalar,
  thousandths,
  volumesOf,
} from "@holdfast/mesos";
import { hostOf, idOf } from "./cluster.js";

/** The volume that shall be, and where. */
export interface WantedVolume {
  readonly id: string;
  /** Host name of the one agent on which it may be made. */
  readonly agent: string;
  readonly sizeMiB: number;
  readonly role: string;
  readonly principal: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containerPath: string;
  /** Undefined: the agent's work directory. */
  readonly source: DiskSource | undefined;
}

export interface FoundVolume {
  /** Host name under which its agent is registered now. */
  readonly hostname: string;
  readonly agentId: string;
  readonly volume: PersistentVolume;
  readonly used: boolean;
}

export type ProvisionDecision =
  | { readonly kind: "exists"; readonly found: FoundVolume }
  | { readonly kind: "reserve"; readonly agentId: string; readonly resources: readonly MesosResource[] }
  | { readonly kind: "create"; readonly agentId: string; readonly volumes: readonly MesosResource[] }
  | {
      readonly kind: "refused";
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string;
      readonly retryable: boolean;
    };

/**
 * Pure: by its id and role, on whatever agent it is now. An agent that lost its metadata, or was renamed, comes back with
 * the volume and its labels.
 */
export function findVolumes(agents: readonly MesosAgent[], id: string, role: string): readonly FoundVolume[] {
  return agents.flatMap((agent) =>
    volumesOf(agent.total_resources)
      .filter((volume) => volume.id === id && volume.role === role)
      .map((volume) => ({
        hostname: hostOf(agent),
        agentId: idOf(agent),
        volume,
        used: volumesOf(agent.allocated_resources).some((other) => other.id === id && other.role === role),
      })),
  );
}

/**
 * Pure: the next step from what the agents have to the wanted volume, or that it is there. Each step is told by what is
 * there already, so that a crash after any of them is followed by the next one.
 * @param recovering - Host names that the master expects back: what they have is not known.
 */
export function decideProvision(
  agents: readonly MesosAgent[],
  recovering: readonly string[],
  wanted: WantedVolume,
): ProvisionDecision {
  const [found, ...others] = findVolumes(agents, wanted.id, wanted.role);
  if (others.length > 0) {
    const where = [found, ...others].map((each) => each?.hostname).join(", ");
    return incompatible(
      `There are ${others.length + 1} volumes ${wanted.id}, on ${where}.`,
      "Find out which one is the service's; nothing was made or removed.",
    );
  }
  if (found !== undefined) return existing(found, wanted);
  const named = agents.filter((agent) => hostOf(agent) === wanted.agent);
  if (named.length > 1) {
    return incompatible(
      `${named.length} agents are registered as ${wanted.agent}.`,
      "Give each its own --hostname; nothing was made.",
    );
  }
  const [agent] = named;
  if (agent === undefined) {
    const why = recovering.includes(wanted.agent) ? "has not come back since the master started" : "is not known now";
    return away(`Agent ${wanted.agent} ${why}.`);
  }
  const disk = diskOf(wanted);
  const reserved = amountOf(agent.total_resources, disk);
  if (reserved === thousandths(disk)) return { kind: "create", agentId: idOf(agent), volumes: [volumeOf(wanted)] };
  if (reserved > 0) {
    return incompatible(
      `${reserved / 1_000} MB are reserved on ${wanted.agent} with the labels of this volume; ${wanted.sizeMiB} are wanted.`,
      "An answer was lost and the reservation made twice, or the size changed: give it back with `holdfast volume reservations plan-clean --gone-service`, then provision again.",
    );
  }
  const spare = spareOf(agent, wanted);
  if (wanted.source?.type === "MOUNT" && spare > 0 && spare !== thousandths(disk)) {
    return incompatible(
      `The disk ${wanted.source.root} of ${wanted.agent} has ${spare / 1_000} MB and is taken as a whole; ${wanted.sizeMiB} are wanted.`,
      "Set diskMiB to the size of the disk.",
    );
  }
  if (spare >= thousandths(disk)) return { kind: "reserve", agentId: idOf(agent), resources: [disk] };
  return {
    kind: "refused",
    code: "NO_CAPACITY",
    message: `Agent ${wanted.agent} has ${spare / 1_000} MB of unreserved disk free${at(wanted)}; ${wanted.sizeMiB} are wanted.`,
    hint: "Free some, or name another agent.",
    retryable: true,
  };
}

function existing(found: FoundVolume, wanted: WantedVolume): ProvisionDecision {
  const { volume, hostname } = found;
  if (thousandths(volume.resource) !== wanted.sizeMiB * 1_000) {
    return incompatible(
      `The volume ${wanted.id} on ${hostname} has ${volume.sizeMb} MB, not ${wanted.sizeMiB}.`,
      "Correct diskMiB, or make another service and copy the data; nothing was changed.",
    );
  }
  const labels = volume.reservations.at(-1)?.labels ?? {};
  if (Object.entries(wanted.labels).some(([key, value]) => labels[key] !== value)) {
    return incompatible(
      `The volume ${wanted.id} on ${hostname} does not carry this service's labels.`,
      "Somebody else made it under this name; nothing was changed.",
    );
  }
  // On record is an agent; a volume that is there under another name is the same one.
  return { kind: "exists", found };
}

function reservationOf({ role, principal, labels }: WantedVolume): Reservation {
  return { type: "DYNAMIC", role, principal, labels };
}

function diskOf(wanted: WantedVolume): MesosResource {
  const { sizeMiB: value, source } = wanted;
  const reservations = [reservationOf(wanted)];
  return reservedScalar({ name: "disk", value, reservations, ...(source === undefined ? {} : { source }) });
}

function volumeOf(wanted: WantedVolume): MesosResource {
  const { id, sizeMiB, containerPath, principal, source } = wanted;
  const reservations = [reservationOf(wanted)];
  return persistentVolume({
    ...{ id, sizeMb: sizeMiB, containerPath, principal, reservations },
    ...(source === undefined ? {} : { source }),
  });
}

/** In thousandths: what is nobody's, less what tasks have of it. */
function spareOf(agent: MesosAgent, { source }: WantedVolume): number {
  const like = reservedScalar({
    name: "disk",
    value: 0,
    reservations: [],
    ...(source === undefined ? {} : { source }),
  });
  return amountOf(agent.total_resources, like) - amountOf(agent.allocated_resources, like);
}

function at({ source }: WantedVolume): string {
  return source === undefined ? "" : ` on ${source.root}`;
}

function incompatible(message: string, hint: string): ProvisionDecision {
  return { kind: "refused", code: "INCOMPATIBLE", message, hint, retryable: false };
}

function away(message: string): ProvisionDecision {
  const hint = "It may have the volume already; nothing was made elsewhere. Call again when it is back.";
  return { kind: "refused", code: "BUSY", message, hint, retryable: true };
}

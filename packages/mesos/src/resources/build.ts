import { HoldfastError } from "@holdfast/core";
import { type DiskSource, type MesosResource, type Reservation, reservationsOf } from "./resource.js";

export interface ReservedScalar {
  readonly name: "cpus" | "mem" | "disk" | "gpus";
  /** `mem` and `disk` in MB. More than three decimals would be lost. */
  readonly value: number;
  /** The whole stack, the new one last. What lies below it must be so on the agent already. */
  readonly reservations: readonly Reservation[];
  readonly source?: DiskSource;
}

/**
 * A resource as RESERVE_RESOURCES wants it: the result, with its new reservation. In the new form, which every master
 * since 1.4 reads.
 */
export function reservedScalar({ name, value, reservations, source }: ReservedScalar): MesosResource {
  return {
    name,
    type: "SCALAR",
    scalar: { value },
    reservations: reservations.map(({ type, role, principal, labels = {} }) => ({
      type,
      role,
      ...(principal === undefined ? {} : { principal }),
      ...(Object.keys(labels).length === 0
        ? {}
        : { labels: { labels: Object.entries(labels).map(([key, text]) => ({ key, value: text })) } }),
    })),
    ...(source === undefined ? {} : { disk: { source: diskSource(source) } }),
  };
}

export interface VolumeRequest extends Omit<ReservedScalar, "name" | "value"> {
  /** Unique in the whole cluster: agents get new ids, volumes do not. */
  readonly id: string;
  readonly sizeMb: number;
  /** Below the sandbox; an absolute one must exist on the host when the task has no image. */
  readonly containerPath: string;
  readonly principal?: string;
}

/** A persistent volume as CREATE_VOLUMES wants it; its reservations must be exactly those of the disk it is made from. */
export function persistentVolume(request: VolumeRequest): MesosResource {
  const { id, sizeMb, containerPath, principal, reservations, source } = request;
  const disk = reservedScalar({ name: "disk", value: sizeMb, reservations });
  return {
    ...disk,
    disk: {
      persistence: { id, ...(principal === undefined ? {} : { principal }) },
      volume: { mode: "RW", container_path: containerPath },
      ...(source === undefined ? {} : { source: diskSource(source) }),
    },
  };
}

function diskSource({ type, root }: DiskSource) {
  return type === "MOUNT" ? { type, mount: { root } } : { type, path: { root } };
}

const KNOWN: ReadonlySet<string> = new Set([
  ...["name", "type", "scalar", "ranges", "set", "role", "reservation", "reservations", "disk", "provider_id"],
  ...["allocation_info", "shared", "revocable"],
]);

/**
 * A resource as it is sent: without the allocation, which belongs to offers and tasks and not to operator calls.
 * @throws `INVALID_SPEC`: a member that Mesos does not know, which it would ignore without a word; an amount that is not
 *   above zero; no dynamic reservation to act on. Nothing was sent.
 */
export function forOperator(resource: MesosResource, what: string): MesosResource {
  const unknown = Object.keys(resource).filter((name) => !KNOWN.has(name));
  if (unknown.length > 0) throw invalid(what, `${unknown.join(", ")} is not known to Mesos`);
  if (resource.type === "SCALAR" && !((resource.scalar?.value ?? 0) > 0))
    throw invalid(what, "its amount is not above 0");
  if (reservationsOf(resource).at(-1)?.type !== "DYNAMIC" && resource.disk?.persistence === undefined) {
    throw invalid(what, "it carries no dynamic reservation");
  }
  const { allocation_info: _, ...rest } = resource;
  return rest;
}

function invalid(what: string, why: string): HoldfastError {
  return new HoldfastError("INVALID_SPEC", `${what}: a resource cannot be sent: ${why}.`, {
    hint: "Nothing was sent. Correct the resource.",
  });
}

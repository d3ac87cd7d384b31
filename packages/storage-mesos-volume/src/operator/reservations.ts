import { type MesosResource, type Reservation, reservationsOf, thousandths } from "@holdfast/mesos";

/**
 * Whose resources are: the whole stack of reservations with role, principal and labels. The same on an agent that came back
 * under another id, because the agent keeps its reservations on its disk. Null: not dynamically reserved.
 */
export function reservationKey(resource: MesosResource): string | null {
  const stack = reservationsOf(resource);
  if (stack.at(-1)?.type !== "DYNAMIC") return null;
  return keyOf(stack);
}

export function keyOf(stack: readonly Reservation[]): string {
  return JSON.stringify(
    stack.map(({ type, role, principal, labels = {} }) => [
      type,
      role,
      principal ?? null,
      Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)),
    ]),
  );
}

/** Pure: the resources under one reservation, volumes among them. */
export function under(resources: readonly MesosResource[], key: string): readonly MesosResource[] {
  return resources.filter((resource) => reservationKey(resource) === key);
}

/** Pure: a volume as the disk that is left when it is destroyed. */
export function withoutVolume(resource: MesosResource): MesosResource {
  if (resource.disk === undefined) return resource;
  const { persistence: _, volume: __, ...place } = resource.disk;
  const { disk: ___, ...rest } = resource;
  return place.source === undefined ? rest : { ...rest, disk: place };
}

/** Pure: as a person reads it: `disk 512, ports 31000-31001`; in one order, so that it can be compared. */
export function amountsOf(resources: readonly MesosResource[]): string {
  const sums = new Map<string, number>();
  const others: string[] = [];
  for (const resource of resources) {
    const root = resource.disk?.source?.path?.root ?? resource.disk?.source?.mount?.root;
    const name = root === undefined ? resource.name : `${resource.name}(${root})`;
    if (resource.type === "SCALAR") sums.set(name, (sums.get(name) ?? 0) + thousandths(resource));
    else others.push(`${name} ${valuesOf(resource)}`);
  }
  const scalars = [...sums].map(([name, sum]) => `${name} ${sum / 1_000}`);
  return [...scalars, ...others].sort().join(", ");
}

function valuesOf({ ranges, set }: MesosResource): string {
  const parts = [...(ranges?.range ?? []).map(({ begin, end }) => `${begin}-${end}`), ...(set?.item ?? [])];
  return parts.sort().join("+");
}

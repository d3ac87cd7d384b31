import * as z from "zod";

const labels = z.looseObject({
  labels: z.array(z.looseObject({ key: z.string(), value: z.string().optional() })).optional(),
});

const reservationSchema = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  principal: z.string().optional(),
  labels: labels.optional(),
});

/**
 * A resource as Mesos gives it, kept as it came: it may be sent back unchanged in UNRESERVE_RESOURCES and
 * DESTROY_VOLUMES. Its reservations come in a new form (`reservations`, a stack), an old one (`role`, `reservation`), or
 * both; {@link reservationsOf} reads either.
 */
export const resourceSchema = z.looseObject({
  name: z.string(),
  type: z.string(),
  /** Three decimals count; `mem` and `disk` are in MB. */
  scalar: z.looseObject({ value: z.number() }).optional(),
  /** Both ends belong to it. */
  ranges: z
    .looseObject({
      range: z
        .array(z.looseObject({ begin: z.union([z.number(), z.string()]), end: z.union([z.number(), z.string()]) }))
        .optional(),
    })
    .optional(),
  set: z.looseObject({ item: z.array(z.string()).optional() }).optional(),
  role: z.string().optional(),
  reservation: reservationSchema.optional(),
  reservations: z.array(reservationSchema).optional(),
  disk: z
    .looseObject({
      persistence: z.looseObject({ id: z.string(), principal: z.string().optional() }).optional(),
      volume: z.looseObject({ mode: z.string().optional(), container_path: z.string().optional() }).optional(),
      source: z
        .looseObject({
          type: z.string().optional(),
          path: z.looseObject({ root: z.string().optional() }).optional(),
          mount: z.looseObject({ root: z.string().optional() }).optional(),
          id: z.string().optional(),
          profile: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
  allocation_info: z.looseObject({ role: z.string().optional() }).optional(),
});
export type MesosResource = z.output<typeof resourceSchema>;

export interface Reservation {
  readonly type: "STATIC" | "DYNAMIC";
  readonly role: string;
  readonly principal?: string;
  /** Tells reservations apart that would otherwise merge into one amount. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Where a disk resource lies; undefined: the agent's root disk. */
export interface DiskSource {
  readonly type: "PATH" | "MOUNT";
  readonly root: string;
}

/** The reservations, the current one last; none: unreserved. Reads the old and the new form. Pure. */
export function reservationsOf(resource: MesosResource): readonly Reservation[] {
  if (resource.reservations !== undefined && resource.reservations.length > 0) {
    return resource.reservations.map((entry) => reservationFrom(entry, entry.role ?? "*"));
  }
  const role = resource.role ?? "*";
  if (role === "*") return [];
  if (resource.reservation === undefined) return [{ type: "STATIC", role }];
  return [reservationFrom({ ...resource.reservation, type: "DYNAMIC" }, role)];
}

function reservationFrom(entry: z.output<typeof reservationSchema>, role: string): Reservation {
  const pairs = (entry.labels?.labels ?? []).map(({ key, value = "" }) => [key, value] as const);
  return {
    type: entry.type === "STATIC" ? "STATIC" : "DYNAMIC",
    role,
    ...(entry.principal === undefined ? {} : { principal: entry.principal }),
    ...(pairs.length === 0 ? {} : { labels: Object.fromEntries(pairs) }),
  };
}

/** A scalar in thousandths, as a whole number: Mesos keeps three decimals, and doubles do not add up. */
export function thousandths(resource: MesosResource): number {
  return Math.round((resource.scalar?.value ?? 0) * 1_000);
}

/**
 * What makes two scalar resources parts of one amount: name, reservations and disk source; and for a persistent volume
 * its id. The path inside the container is not part of it, and neither is who uses it now.
 */
export function identityOf(resource: MesosResource): string {
  const { persistence, source } = resource.disk ?? {};
  const reservations = reservationsOf(resource).map(({ type, role, principal, labels: own = {} }) => [
    type,
    role,
    principal ?? null,
    Object.entries(own).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  const place = [source?.type ?? null, source?.path?.root ?? source?.mount?.root ?? null, source?.id ?? null];
  return JSON.stringify([resource.name, reservations, place, persistence?.id ?? null]);
}

/** How much there is, in thousandths, of what `like` is a part of. */
export function amountOf(resources: readonly MesosResource[], like: MesosResource): number {
  const identity = identityOf(like);
  return resources
    .filter((resource) => identityOf(resource) === identity)
    .reduce((sum, resource) => sum + thousandths(resource), 0);
}

export interface PersistentVolume {
  readonly id: string;
  readonly role: string;
  readonly sizeMb: number;
  readonly containerPath: string;
  readonly reservations: readonly Reservation[];
  readonly source: DiskSource | undefined;
  /** As Mesos gave it: what DESTROY_VOLUMES takes. */
  readonly resource: MesosResource;
}

/** The persistent volumes among resources. Pure. */
export function volumesOf(resources: readonly MesosResource[]): readonly PersistentVolume[] {
  return resources.flatMap((resource) => {
    const { persistence, volume, source } = resource.disk ?? {};
    if (persistence === undefined) return [];
    const reservations = reservationsOf(resource);
    const root = source?.path?.root ?? source?.mount?.root;
    return [
      {
        id: persistence.id,
        role: reservations.at(-1)?.role ?? "*",
        sizeMb: thousandths(resource) / 1_000,
        containerPath: volume?.container_path ?? "",
        reservations,
        source:
          source === undefined ? undefined : { type: source.type === "MOUNT" ? "MOUNT" : "PATH", root: root ?? "" },
        resource,
      },
    ];
  });
}

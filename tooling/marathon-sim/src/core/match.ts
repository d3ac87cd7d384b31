import { type App, isResident } from "./app-schema.js";
import { type ConstrainedAgent, satisfies } from "./constraints.js";
import type { RejectReason, Resources } from "./model.js";

/** What one agent offers now. */
export interface Offer extends ConstrainedAgent {
  readonly agentId: string;
  readonly free: Resources;
  /** Offered host ports, both ends included, but for those that are taken. */
  readonly ports: readonly [number, number];
  readonly takenPorts: ReadonlySet<number>;
  /** Ids of instances whose reservations the offer holds. */
  readonly reservedFor: ReadonlySet<string>;
}

export interface Wanted {
  readonly instanceId: string;
  /** The instance has volumes somewhere: only an offer that holds them will do. */
  readonly reserved: boolean;
  readonly app: App;
  /** Where the other instances of the app are. */
  readonly placed: readonly ConstrainedAgent[];
  /** Roles that the framework takes unreserved resources in. */
  readonly role: string;
}

export type Match = { readonly ports: readonly number[] } | { readonly reason: RejectReason };

/** Whether an offer fits, and else why not: the first reason in the order in which Marathon looks (facts 8). */
export function matchOffer(offer: Offer, { instanceId, reserved, app, placed }: Wanted): Match {
  const accepted = app.acceptedResourceRoles;
  if (accepted !== undefined && !accepted.includes("*") && !accepted.includes(app.role))
    return { reason: "UnfulfilledRole" };
  // Facts 5: constraints are looked at on a relaunch too.
  if (!satisfies(offer, app.constraints, placed)) return { reason: "UnfulfilledConstraint" };
  if (reserved && !offer.reservedFor.has(instanceId)) return { reason: "NoCorrespondingReservationFound" };
  if (!reserved) {
    if (offer.free.cpus < app.cpus) return { reason: "InsufficientCpus" };
    if (offer.free.mem < app.mem) return { reason: "InsufficientMemory" };
    if (offer.free.disk < diskNeed(app)) return { reason: "InsufficientDisk" };
    if (offer.free.gpus < app.gpus) return { reason: "InsufficientGpus" };
  }
  const ports = choosePorts(offer, app);
  return ports === undefined ? { reason: "InsufficientPorts" } : { ports };
}

function diskNeed(app: App): number {
  const volumes = app.container?.volumes ?? [];
  return app.disk + volumes.reduce((sum, volume) => sum + ("persistent" in volume ? volume.persistent.size : 0), 0);
}

export const needOf = (app: App): Resources => ({
  cpus: app.cpus,
  mem: app.mem,
  disk: isResident(app) ? diskNeed(app) : app.disk,
  gpus: app.gpus,
});

/** Fixed ones as they are asked for; dynamic ones in turn. Undefined = not enough. */
function choosePorts({ ports: [first, last], takenPorts }: Offer, app: App): number[] | undefined {
  const wanted = wantedPorts(app);
  const chosen = new Set<number>();
  const isFree = (port: number) => port >= first && port <= last && !takenPorts.has(port) && !chosen.has(port);
  for (const port of wanted) {
    if (port === 0) continue;
    if (!isFree(port)) return undefined;
    chosen.add(port);
  }
  let next = first;
  const dynamic = () => {
    while (next <= last && !isFree(next)) next += 1;
    chosen.add(next);
    return next;
  };
  const ports = wanted.map((port) => (port === 0 ? dynamic() : port));
  return ports.some((port) => port > last) ? undefined : ports;
}

/** Host ports to allocate; 0 = any. */
function wantedPorts(app: App): number[] {
  if (app.portDefinitions !== undefined) return app.portDefinitions.map(({ port }) => (app.requirePorts ? port : 0));
  const bridged = app.networks.some(({ mode }) => mode === "container/bridge");
  return (app.container?.portMappings ?? []).flatMap(({ hostPort }) => hostPort ?? (bridged ? 0 : []));
}

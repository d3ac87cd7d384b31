import { type MesosAgent, type MesosResource, type PersistentVolume, reservationsOf, volumesOf } from "@holdfast/mesos";
import { type ClusterView, hostOf, idOf } from "./cluster.js";
import { MARATHON_FRAMEWORK_LABEL, MARATHON_INSTANCE_LABEL, ROLE_LABEL, SERVICE_LABEL } from "./names.js";
import { reservationKey, under } from "./reservations.js";

export type ReservationOwner =
  | { readonly kind: "holdfast"; readonly service: string; readonly role: string }
  | { readonly kind: "marathon"; readonly frameworkId: string; readonly instance: string }
  /** No labels that we know; whoever made it knows. */
  | { readonly kind: "unknown" };

/** Everything that one reservation holds on one agent. */
export interface ReservationEntry {
  /** Of the agent as it is registered now; no identity, see `key`. */
  readonly agentId: string;
  readonly hostname: string;
  /** Role, principal and labels of the whole stack; the same after the agent got another id. */
  readonly key: string;
  readonly role: string;
  readonly principal: string | null;
  readonly owner: ReservationOwner;
  /** As Mesos gave them, volumes included. */
  readonly resources: readonly MesosResource[];
  readonly volumes: readonly PersistentVolume[];
  /**
   * `in-use`: a task has some of it. `kept`: nobody runs on it, and somebody will, or it cannot be told. `orphaned`: nobody
   * will ever run on it.
   */
  readonly state: "in-use" | "kept" | "orphaned";
  readonly why: string;
}

/** What a person gives up by name; nothing is ever concluded from a service or framework that is only not seen. */
export interface GivenUp {
  readonly services: readonly string[];
  /** Ids of frameworks. */
  readonly frameworks: readonly string[];
}

export const NOTHING_GIVEN_UP: GivenUp = { services: [], frameworks: [] };

/** Pure: every dynamic reservation on the agents that the master knows now, in one order. */
export function auditReservations(cluster: ClusterView, givenUp: GivenUp = NOTHING_GIVEN_UP): ReservationEntry[] {
  const entries = cluster.agents.flatMap((agent) => {
    const keys = new Set(agent.total_resources.map(reservationKey).filter((key) => key !== null));
    return [...keys].map((key) => entryOf(agent, key, cluster, givenUp));
  });
  return entries.sort((a, b) => order(a.hostname, b.hostname) || order(a.role, b.role) || order(a.key, b.key));
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function entryOf(agent: MesosAgent, key: string, cluster: ClusterView, givenUp: GivenUp): ReservationEntry {
  const resources = under(agent.total_resources, key);
  const top = resources[0] === undefined ? undefined : reservationsOf(resources[0]).at(-1);
  const owner = ownerOf(top?.labels ?? {});
  const used = under(agent.allocated_resources, key).length > 0;
  const judged = used ? ({ state: "in-use", why: "a task has some of it" } as const) : judge(owner, cluster, givenUp);
  return {
    agentId: idOf(agent),
    hostname: hostOf(agent),
    key,
    role: top?.role ?? "*",
    principal: top?.principal ?? null,
    owner,
    resources,
    volumes: volumesOf(resources),
    ...judged,
  };
}

function ownerOf(labels: Readonly<Record<string, string>>): ReservationOwner {
  const service = labels[SERVICE_LABEL];
  if (service !== undefined) return { kind: "holdfast", service, role: labels[ROLE_LABEL] ?? "" };
  const frameworkId = labels[MARATHON_FRAMEWORK_LABEL];
  if (frameworkId === undefined) return { kind: "unknown" };
  return { kind: "marathon", frameworkId, instance: labels[MARATHON_INSTANCE_LABEL] ?? "" };
}

function judge(
  owner: ReservationOwner,
  { frameworks, completed }: ClusterView,
  givenUp: GivenUp,
): Pick<ReservationEntry, "state" | "why"> {
  switch (owner.kind) {
    case "unknown":
      return { state: "kept", why: "its labels do not say whose it is; clean it where it was made" };
    case "holdfast":
      return givenUp.services.includes(owner.service)
        ? { state: "orphaned", why: `service ${owner.service} was given up by name` }
        : { state: "kept", why: `it waits for service ${owner.service}` };
    case "marathon": {
      const has = (list: ClusterView["frameworks"]) =>
        list.some(({ framework_info }) => framework_info.id === owner.frameworkId);
      if (has(frameworks)) return { state: "kept", why: "its Marathon is there, and cleans up by itself" };
      if (has(completed)) return { state: "orphaned", why: `framework ${owner.frameworkId} was removed for good` };
      return givenUp.frameworks.includes(owner.frameworkId)
        ? { state: "orphaned", why: `framework ${owner.frameworkId} was given up by name` }
        : { state: "kept", why: "its framework is not known to this master, which may have been elected since" };
    }
    default:
      return owner satisfies never;
  }
}

import { HoldfastError, type Placement, type Service } from "@holdfast/core";
import type { PlacedVolume } from "./volumes.js";

/**
 * What happens when Mesos reports a service's agent unreachable.
 * - `replace`: Marathon starts a second task at once; it waits for the lease.
 * - `standby`: a second task waits already; no scheduler is needed.
 * - `pinned`, `resident`: nothing; the data is on that agent and nowhere else.
 */
export type FailoverKind = "replace" | "standby" | "pinned" | "resident";

export interface Failover {
  readonly kind: FailoverKind;
  readonly instances: 1 | 2;
  readonly unreachableStrategy: "disabled" | { readonly inactiveAfterSeconds: 0; readonly expungeAfterSeconds: 3600 };
  readonly upgradeStrategy: { readonly minimumHealthCapacity: 0 | 0.5; readonly maximumOverCapacity: 0 };
  /** For the plan: what was chosen, and what is known to be left. */
  readonly why: readonly string[];
}

/**
 * An instance unreachable for `inactiveAfterSeconds` is looked at only when a status arrives. With 0 that is the very
 * status that says unreachable; with any larger value it is the next reconciliation, ten minutes later
 * (InstanceUpdater.scala, `--reconciliation_interval`).
 */
const AT_ONCE = { inactiveAfterSeconds: 0, expungeAfterSeconds: 3600 } as const;
const STOP_FIRST = { minimumHealthCapacity: 0, maximumOverCapacity: 0 } as const;

/**
 * Pure: the failover mode that a service's storage permits.
 * @throws `INVALID_SPEC`: a warm standby of data that only one agent has. `NO_CAPACITY`: it is not known where the data
 *   is or may be; compile again when the strategy has placed it. What runs stays as it is.
 */
export function chooseFailover(
  standby: Service["spec"]["standby"],
  volumes: readonly PlacedVolume[],
  placement: Placement,
): Failover {
  if (placement.kind === "wait") throw notPlaced(placement.why);
  const resident = volumes.find(({ scheduler }) => scheduler !== null);
  const pinned = volumes.find(({ capabilities }) => !capabilities.movesBetweenAgents);
  const oneAgent = placement.kind === "agents" && placement.agents.length === 1;
  if (standby === "warm") refuseUselessStandby(resident ?? pinned, oneAgent);
  if (resident !== undefined) return residentFailover(resident);
  if (pinned !== undefined || oneAgent) return pinnedFailover(pinned, placement);
  return standby === "warm" ? warmStandby() : replacement();
}

/**
 * Pure: the mode to expect where nobody has placed the data yet: the same, but a pinned volume whose agent is still to be
 * chosen is no error.
 * @throws `INVALID_SPEC`: a warm standby of data that only one agent has.
 */
export function expectedFailover(
  standby: Service["spec"]["standby"],
  volumes: readonly PlacedVolume[],
  placement: Placement | null,
): Pick<Failover, "kind" | "instances" | "why"> {
  const pinned = volumes.find(({ capabilities, scheduler }) => scheduler === null && !capabilities.movesBetweenAgents);
  const placed =
    placement !== null && placement.kind !== "wait" && (pinned === undefined || placement.kind === "agents");
  if (placed) return chooseFailover(standby, volumes, placement);
  if (pinned === undefined) return chooseFailover(standby, volumes, { kind: "any" });
  if (standby === "warm") refuseUselessStandby(pinned, true);
  const why = `The ${pinned.role} volume will be on one agent's disk, which is not chosen yet; the service is never started elsewhere.`;
  return { kind: "pinned", instances: 1, why: [why] };
}

function replacement(): Failover {
  return {
    kind: "replace",
    instances: 1,
    unreachableStrategy: AT_ONCE,
    upgradeStrategy: STOP_FIRST,
    why: [
      "Every agent reaches the storage: when Mesos reports the agent unreachable, Marathon starts a replacement at once, and it waits for the lease.",
      "When the agent returns, YOUNGEST_FIRST kills the younger of the two, which waits.",
      "Left, and harmless: instances that are Failed, Scheduled or Provisioned rank after Running in the order of kills, so that the holder may be the one that is killed; its successor then starts in the ordinary way.",
    ],
  };
}

function warmStandby(): Failover {
  return {
    kind: "standby",
    instances: 2,
    unreachableStrategy: AT_ONCE,
    // With {0, 0} both would be stopped at once.
    upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
    why: [
      "A second task waits for the lease on another agent: a failover takes one lease and needs no scheduler.",
      "It reserves cpus, memory and disk twice.",
      "A lost agent leaves one task; Marathon starts another one that waits.",
    ],
  };
}

function residentFailover({ role, mountPath }: PlacedVolume): Failover {
  return {
    kind: "resident",
    instances: 1,
    unreachableStrategy: "disabled",
    upgradeStrategy: STOP_FIRST,
    why: [
      `The ${role} volume at ${mountPath} is a Mesos persistent volume, on one agent: the service waits for that agent and is never started elsewhere.`,
      "An agent that an operator marks gone ends in a new, empty volume; the identity check refuses to start on it.",
    ],
  };
}

function pinnedFailover(pinned: PlacedVolume | undefined, placement: Placement): Failover {
  const place = placement.kind === "agents" && placement.agents.length === 1 ? placement.agents[0] : undefined;
  if (place === undefined) {
    throw notPlaced(`the ${pinned?.role ?? "data"} volume is pinned, and its agent is not known`);
  }
  const what = pinned === undefined ? "Only one agent may run it" : `The ${pinned.role} volume is on that agent's disk`;
  return {
    kind: "pinned",
    instances: 1,
    unreachableStrategy: "disabled",
    upgradeStrategy: STOP_FIRST,
    why: [`${what}: the service waits for ${place} and is never started elsewhere.`],
  };
}

function refuseUselessStandby(bound: PlacedVolume | undefined, oneAgent: boolean): void {
  if (bound === undefined && !oneAgent) return;
  const why = bound === undefined ? "only one agent may run it" : `${bound.strategy} keeps its data on one agent`;
  throw new HoldfastError("INVALID_SPEC", `A warm standby is of no use to this service: ${why}.`, {
    hint: "Leave `standby` out, or use storage that every agent reaches.",
  });
}

function notPlaced(why: string): HoldfastError {
  return new HoldfastError("NO_CAPACITY", `It cannot be said where the service may run: ${why}.`, {
    hint: "Ask the strategy for its placement and compile again; what runs now stays as it is.",
    retryable: true,
  });
}

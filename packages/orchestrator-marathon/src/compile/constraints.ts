import { HoldfastError, type Placement } from "@holdfast/core";
import type { FailoverKind } from "./failover.js";
import type { PlacedVolume } from "./volumes.js";

export interface ReasonedConstraint {
  readonly constraint: readonly [string, string] | readonly [string, string, string];
  readonly why: string;
}

/** What `IS` takes as a value (SchedulingValidation.scala). */
const IS_VALUE = /^[a-zA-Z0-9_/.-]+$/;

/** Pure: where Marathon may start it. Agents go by the host name that they registered with. */
export function constraintsFor(placement: Placement, kind: FailoverKind): readonly ReasonedConstraint[] {
  const placed = placementConstraint(placement);
  if (kind !== "standby") return placed;
  const apart = { constraint: ["hostname", "UNIQUE"], why: "the standby is on another agent than the holder" } as const;
  return [...placed, apart];
}

/**
 * Pure: of a volume that Mesos keeps, only what is configured. Where it is by now is no constraint: Marathon launches the
 * task on the volume and nowhere else, and a constraint that comes after the first run is a change that restarts it.
 */
export function residentConstraints(
  placement: Placement,
  volumes: readonly PlacedVolume[],
): readonly ReasonedConstraint[] {
  const lists = volumes.flatMap(({ scheduler }) => (scheduler?.agents ? [scheduler.agents] : []));
  const [first, ...others] = lists;
  const configured =
    first === undefined
      ? []
      : [
          {
            constraint: agentsConstraint(first.filter((agent) => others.every((list) => list.includes(agent)))),
            why: "the agents on which the service file lets the volume be made",
          },
        ];
  return [...configured, ...(placement.kind === "attribute" ? placementConstraint(placement) : [])];
}

function placementConstraint(placement: Placement): readonly ReasonedConstraint[] {
  switch (placement.kind) {
    case "any":
    case "wait":
      return [];
    case "agents":
      return [{ constraint: agentsConstraint(placement.agents), why: placement.why }];
    case "attribute":
      return [{ constraint: [placement.name, "IS", checkedValue(placement.value)], why: placement.why }];
    default:
      return placement satisfies never;
  }
}

function agentsConstraint(agents: readonly string[]): ReasonedConstraint["constraint"] {
  const [only, ...more] = [...new Set(agents)].sort();
  if (only === undefined) {
    throw new HoldfastError("NO_CAPACITY", "No agent may run the service.", {
      hint: "See what the storage strategy says of its placement.",
      retryable: true,
    });
  }
  if (more.length === 0) return ["hostname", "IS", checkedValue(only)];
  // LIKE compares the whole string, and a dot would stand for any character.
  return ["hostname", "LIKE", [only, ...more].map(escapeRegExp).join("|")];
}

function checkedValue(value: string): string {
  if (IS_VALUE.test(value)) return value;
  throw new HoldfastError("INVALID_SPEC", `Marathon cannot compare with "${value}".`, {
    hint: "The value of an IS constraint has letters, digits and _ / . - only.",
  });
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

import { createHash } from "node:crypto";
import { canonicalJson } from "@holdfast/core";
import type { ReservationEntry } from "./audit.js";
import { amountsOf } from "./reservations.js";

/** One reservation with all that it holds: its volumes destroyed, then everything unreserved. */
export interface CleanStep {
  readonly hostname: string;
  /** When it was planned; an agent that got another id since is found by its host name. */
  readonly agentId: string;
  readonly key: string;
  readonly role: string;
  /** Their data is deleted at once and for good. */
  readonly volumes: readonly { readonly id: string; readonly sizeMb: number }[];
  /** What is given back, as people read it. */
  readonly amounts: string;
  readonly why: string;
}

export interface CleanPlan {
  readonly steps: readonly CleanStep[];
  /** Confirms exactly these steps; another one when any volume, amount, agent or reservation differs. */
  readonly token: string;
}

/** Pure: what `clean` would do with the orphaned ones among the entries. Nothing that is in use, or kept, is ever in it. */
export function planClean(entries: readonly ReservationEntry[]): CleanPlan {
  const steps = entries.filter(({ state }) => state === "orphaned").map(stepOf);
  // Not the agent's id: the same reservation on the same machine is the same decision.
  const content = steps.map(({ hostname, key, volumes, amounts }) => ({ hostname, key, volumes, amounts }));
  const digest = createHash("sha256").update(canonicalJson(content)).digest("hex");
  return { steps, token: `clean-${digest.slice(0, 16)}` };
}

function stepOf({ hostname, agentId, key, role, volumes, resources, why }: ReservationEntry): CleanStep {
  return {
    ...{ hostname, agentId, key, role, why },
    volumes: volumes.map(({ id, sizeMb }) => ({ id, sizeMb })).sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)),
    amounts: amountsOf(resources),
  };
}

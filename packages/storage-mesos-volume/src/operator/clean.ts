import { HoldfastError } from "@holdfast/core";
import type { MesosAgent, MesosResource } from "@holdfast/mesos";
import type { CleanPlan, CleanStep } from "./clean-plan.js";
import { hostOf, idOf } from "./cluster.js";
import { amountsOf, under, withoutVolume } from "./reservations.js";
import { type OperatorContext, settled } from "./settle.js";

export type CleanProgress = (step: CleanStep, done: "destroyed" | "unreserved" | "already-gone") => void;

/**
 * Carries a plan out, step by step, each judged by reading the agents again. What is gone already counts as done; what
 * differs from the plan, or is in use by now, ends it there with the rest untouched.
 * @throws `DENIED`: the token is not this plan's; nothing was done. `VERSION_CONFLICT`: the world moved; plan again.
 *   `NOT_FOUND`: the agent is away. `UNKNOWN_OUTCOME`, and what {@link MesosClient} throws.
 */
export async function applyClean(
  context: OperatorContext,
  plan: CleanPlan,
  token: string,
  onProgress: CleanProgress = () => undefined,
): Promise<void> {
  if (token !== plan.token) {
    throw new HoldfastError("DENIED", "The token does not confirm what would be cleaned now.", {
      hint: "It is another plan's, or the cluster changed since. Nothing was done; print the plan again and read it.",
    });
  }
  for (const step of plan.steps) {
    context.signal.throwIfAborted();
    await applyStep(context, step, onProgress);
  }
}

async function applyStep(context: OperatorContext, step: CleanStep, onProgress: CleanProgress): Promise<void> {
  const { client, signal } = context;
  const before = await lookAt(context, step);
  if (before.held.length === 0) return onProgress(step, "already-gone");
  refuseChange(step, before);
  const volumes = before.held.filter(isVolume);
  if (volumes.length > 0) {
    const ids = volumes.map((resource) => resource.disk?.persistence?.id).join(", ");
    await settled(
      context,
      `DESTROY_VOLUMES of ${ids} on ${step.hostname}`,
      () => client.destroyVolumes(before.agentId, volumes, { signal }),
      // An agent that went away has not destroyed anything yet.
      (agents) => agentOf(agents, step) !== undefined && !heldOn(agents, step).some(isVolume),
    );
    onProgress(step, "destroyed");
  }
  const rest = await lookAt(context, step);
  if (rest.held.length === 0) return onProgress(step, "already-gone");
  refuseChange({ ...step, volumes: [] }, rest);
  await settled(
    context,
    `UNRESERVE_RESOURCES of ${step.amounts} on ${step.hostname}`,
    () => client.unreserve(rest.agentId, rest.held, { signal }),
    (agents) => agentOf(agents, step) !== undefined && heldOn(agents, step).length === 0,
  );
  onProgress(step, "unreserved");
}

interface Look {
  readonly agentId: string;
  readonly held: readonly MesosResource[];
  readonly used: boolean;
}

async function lookAt({ client, signal }: OperatorContext, step: CleanStep): Promise<Look> {
  const { agents } = await client.getAgents({ signal });
  const agent = agentOf(agents, step);
  if (agent === undefined) {
    throw new HoldfastError("NOT_FOUND", `Agent ${step.hostname} is not known to the master now.`, {
      hint: "It is unreachable, gone or recovering; what it has cannot be changed meanwhile. Plan again when it is back.",
      retryable: true,
    });
  }
  return {
    agentId: idOf(agent),
    held: under(agent.total_resources, step.key),
    used: under(agent.allocated_resources, step.key).length > 0,
  };
}

/** The same registration; else the only one of that machine, which has the same disk and therefore the same reservations. */
function agentOf(agents: readonly MesosAgent[], { agentId, hostname }: CleanStep): MesosAgent | undefined {
  const same = agents.find((agent) => idOf(agent) === agentId);
  if (same !== undefined) return same;
  const named = agents.filter((agent) => hostOf(agent) === hostname);
  return named.length === 1 ? named[0] : undefined;
}

function heldOn(agents: readonly MesosAgent[], step: CleanStep): readonly MesosResource[] {
  const agent = agentOf(agents, step);
  return agent === undefined ? [] : under(agent.total_resources, step.key);
}

function refuseChange(step: CleanStep, { held, used }: Look): void {
  const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id).sort();
  const now = ids(held.filter(isVolume).map((resource) => ({ id: resource.disk?.persistence?.id ?? "" })));
  const amounts = amountsOf(held.map(withoutVolume));
  const planned = step.amounts;
  if (!used && amounts === planned && JSON.stringify(now) === JSON.stringify(ids(step.volumes))) return;
  const what = used ? "is in use" : `holds ${amounts} and the volumes [${now.join(", ")}]`;
  throw new HoldfastError("VERSION_CONFLICT", `The reservation for ${step.role} on ${step.hostname} ${what} by now.`, {
    hint: "That is not what was confirmed, so it was left alone. Print the plan again.",
    detail: { hostname: step.hostname, planned, amounts, used },
  });
}

function isVolume(resource: MesosResource): boolean {
  return resource.disk?.persistence !== undefined;
}

import type { FormerHolder, StorageStep } from "./observation.js";

/**
 * The strategy's steps with what core insists on: where the storage can fence, every former holder without a receipt
 * is fenced (also when the storage refuses it already: the answer to an earlier call may be lost, and with it the
 * receipt), oldest first and before anything else; and the run's own agent never is. Pure.
 */
export function completeSteps(
  steps: readonly StorageStep[],
  facts: { readonly former: readonly FormerHolder[]; readonly fences: boolean; readonly agent: string },
): readonly StorageStep[] {
  const planned = steps.filter((step) => step.verb === "fence" && step.former.agent !== facts.agent);
  const named = new Set(planned.map((step) => (step.verb === "fence" ? step.former.agent : "")));
  const omitted: StorageStep[] = facts.fences
    ? facts.former
        .filter(({ agent }) => agent !== facts.agent && !named.has(agent))
        .map((former) => ({
          verb: "fence",
          former,
          why: `epoch ${former.epoch} on ${former.agent} did not release, and no receipt covers it`,
        }))
    : [];
  return [...planned, ...omitted, ...steps.filter((step) => step.verb !== "fence")];
}

/** Whether only the context is still wanted: nothing, or an attach that was done since the last look. Pure. */
export function isSettled(steps: readonly StorageStep[], agent: string, attached: boolean): boolean {
  return steps.every((step) => attached && step.verb === "attach" && step.agent === agent);
}

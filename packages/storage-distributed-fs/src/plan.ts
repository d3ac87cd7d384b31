import type { ObservedVolume, StorageCapabilities, StoragePlan, StorageStep, StorageTarget } from "@holdfast/core";

/**
 * Pure. Former holders elsewhere are fenced where that is possible; where it is not, the lease alone kept them apart, which is what the
 * grade says. An attachment that nobody has to be fenced for was left by a clean stop and is taken off. A driver that tells a
 * fence that was begun from one that the servers confirmed names the former in `detail.unconfirmed`.
 */
export function planAttach(
  capabilities: Pick<StorageCapabilities, "fences">,
  observed: ObservedVolume,
  target: StorageTarget,
): StoragePlan {
  if (!observed.exists) return { kind: "wait", why: "the servers do not know this volume" };
  const steps: StorageStep[] = [];
  const fenced = new Set<string>();
  const begun = (observed.detail.unconfirmed ?? []) as readonly string[];
  const isFenced = (agent: string) => observed.fenced.includes(agent) && !begun.includes(agent);
  for (const former of target.former) {
    // Its tree on this same agent is known gone by local evidence, and a fence would shut the new run out as well.
    if (former.agent === target.agent || !capabilities.fences || isFenced(former.agent)) continue;
    fenced.add(former.agent);
    steps.push({ verb: "fence", former, why: `${former.agent} had epoch ${former.epoch} and did not release` });
  }
  for (const { agent } of observed.attachments) {
    if (agent !== target.agent && !fenced.has(agent))
      steps.push({ verb: "detach", agent, why: `${agent} is on record at the servers and does not run it any more` });
  }
  if (observed.fenced.includes(target.agent))
    steps.push({ verb: "unfence", agent: target.agent, why: "it runs there next" });
  const isAttached = observed.attachments.some(({ agent, epoch }) => agent === target.agent && epoch === target.epoch);
  if (!isAttached || steps.length > 0) steps.push({ verb: "attach", agent: target.agent, why: "it runs there next" });
  return { kind: "steps", steps };
}

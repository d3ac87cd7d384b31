import type { ObservedVolume, StoragePlan, StorageStep, StorageTarget } from "@holdfast/core";

/** Pure. Without a fence (`fences` false) the lease alone has kept former holders away, and there is only attach. */
export function planSharedFs(observed: ObservedVolume, target: StorageTarget, fences: boolean): StoragePlan {
  if (!observed.exists) return { kind: "wait", why: "the server has no such directory" };
  const steps: StorageStep[] = [];
  const former = target.former.filter(({ agent }) => agent !== target.agent);
  if (fences) {
    for (const holder of former) {
      if (observed.fenced.includes(holder.agent)) continue;
      const why = `${holder.agent} had epoch ${holder.epoch} and did not release`;
      steps.push({ verb: "fence", former: holder, why });
    }
  }
  for (const { agent } of observed.attachments) {
    if (agent === target.agent || former.some((holder) => holder.agent === agent)) continue;
    steps.push({ verb: "detach", agent, why: `${agent} released it` });
  }
  if (observed.fenced.includes(target.agent)) {
    steps.push({ verb: "unfence", agent: target.agent, why: "it runs there next" });
  }
  if (!observed.attachments.some(({ agent, epoch }) => agent === target.agent && epoch === target.epoch)) {
    steps.push({ verb: "attach", agent: target.agent, why: "it runs there next" });
  }
  return { kind: "steps", steps };
}
